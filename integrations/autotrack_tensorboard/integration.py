"""What `autotrack.autolog()` hooks into TensorBoard writers, and into what Lightning sends to them."""

from collections.abc import Iterable
from types import ModuleType

from autotrack.integrations import Patch

_LIGHTNING = ("lightning", "2.2", "3")
_PYTORCH_LIGHTNING = ("pytorch-lightning", "2.2", "3")


class TensorBoardIntegration:
    """Tells autotrack about TensorBoard writers; constructing it imports none of them.

    Each module is hooked when the user's code, or a framework, imports it; none is imported for us. The callback of
    Keras writes by `tf.summary`, on every backend; its metrics are recorded by the integration for Keras.
    """

    name = "tensorboard"
    modules = {  # noqa: RUF012  read-only by contract
        "torch.utils.tensorboard.writer": ("torch", "2.0", "3"),
        "tensorboardX.writer": ("tensorboardX", "2.5", "3"),
        "lightning.pytorch.trainer.trainer": _LIGHTNING,
        "lightning.pytorch.callbacks.lr_monitor": _LIGHTNING,
        "lightning.fabric.loggers.tensorboard": _LIGHTNING,  # that of lightning.pytorch is derived from it
        "pytorch_lightning.trainer.trainer": _PYTORCH_LIGHTNING,
        "pytorch_lightning.callbacks.lr_monitor": _PYTORCH_LIGHTNING,
        "pytorch_lightning.loggers.tensorboard": _PYTORCH_LIGHTNING,
        "tensorflow.python.ops.summary_ops_v2": ("tensorflow|tensorflow-cpu|tensorflow-macos", "2.16", "3"),
        "keras.src.callbacks.tensorboard": ("keras", "3.4", "4"),
    }

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """Return the hooks for one of the modules."""
        if module.__name__.endswith(".writer"):
            from autotrack_tensorboard import writers  # needs numpy, which is there when a writer is

            return writers.patches(module)
        if module.__name__.startswith(("tensorflow.", "keras.")):
            from autotrack_tensorboard import tensorflow

            return tensorflow.patches(module)
        from autotrack_tensorboard import lightning

        return lightning.patches(module)
