"""Finds the tensors in memory whose rows a `tf.data.Dataset` hands out, without asking the data set for any.

With TensorFlow, batches never pass Python: TensorFlow fetches them within its graph.
"""

import sys
from typing import Any

import keras

_BATCHES = frozenset({"_BatchDataset", "_ParallelBatchDataset"})
_SAME_ROWS = frozenset(
    "CacheDataset _OptionsDataset _PrefetchDataset _RepeatDataset _ShuffleDataset _TakeDataset".split()
)


def inputs_in_memory(data: Any) -> Any:
    """Return what the model gets the rows of: `data`, or the tensors that a data set makes its batches of.

    A data set whose rows `map` makes something else of, or which reads them from elsewhere, is returned as it is: one
    would have to call the user's functions to know what comes out.
    """
    source, batched = data, 0
    while type(source).__name__ in _BATCHES | _SAME_ROWS and hasattr(source, "_input_dataset"):
        batched += type(source).__name__ in _BATCHES
        source = source._input_dataset
    if type(source).__name__ != "_TensorSliceDataset" or batched != 1:
        return data
    batch = sys.modules["tensorflow"].nest.pack_sequence_as(source.element_spec, source._tensors)
    return keras.utils.unpack_x_y_sample_weight(batch)[0]
