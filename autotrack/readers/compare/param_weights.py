"""Which params are known to matter, which seldom change a result, and which follow from others: by their names."""

import re

from autotrack.journal.params import is_place

_STRONG_PARAM = re.compile(
    r"(^|[._/-])(lr(_init|0)?|learning_rate(_init)?|eta0?|alpha|batch_?size|epochs|max_epochs|max_iter|n_estimators|optimizer|model|"
    r"weight_decay|momentum|dropout|hidden\w*|width|depth|layers?|max_depth|C|kernel|loss|penalty|gamma|shuffle)$",
    re.IGNORECASE,
)
_WEAK_PARAM = re.compile(
    r"(^|[._/])(verbose|n_jobs|num_workers|log_every_n_steps|enable_\w+|pin_memory|persistent_workers|name|"
    r"version|cache\w*|progress\w*|profiler|copy_X|devices|prefetch_factor)$|callbacks?[._/]|logger",
    re.IGNORECASE,
)
_FOLLOWS = re.compile(
    r"(^|[._/])(num_samples|num_batches|(trainable_|non_trainable_|total_)?parameters(_in_group)?|"
    r"steps_per_epoch|n_features_in|samples|total_steps|num_training_batches|num_val_batches|input_shape|output_shape)$"
)


def weight_of_param(name: str) -> int:
    """Return 1 for a param that is known to matter much, -1 for one that seldom changes a result, 0 for the others."""
    if _WEAK_PARAM.search(name) or is_place(name):
        return -1
    return 1 if _STRONG_PARAM.search(name) else 0


def follows(name: str) -> bool:
    """Return whether a param is a count that follows from other params, the data or the code."""
    return _FOLLOWS.search(name) is not None
