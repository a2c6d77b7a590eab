"""Numbers on a CUDA device: they are copied without waiting, and written once the copies have completed."""

import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from autotrack.journal.records import Artifact, Metrics, Number
from autotrack.training.hooks.faults import report_fault
from autotrack.training.values import as_number

_PLAIN = (float, int, bool)


class CudaNumber:
    """One number on a CUDA device, being copied to pinned memory while the training goes on.

    `Tensor.to("cpu", non_blocking=True)` allocates pinned memory and queues the copy behind what the current
    stream computes. An event recorded after it tells when the copy is complete. Only `value` waits, if it is called
    before the copy is `ready`.
    """

    def __init__(self, name: str, tensor: Any) -> None:
        if tensor.numel() != 1 or tensor.is_complex():
            raise TypeError(
                f"the value of {name!r} is a tensor of shape {tuple(tensor.shape)} and type {tensor.dtype}, "
                f"a single number was expected"
            )
        self._name = name
        self._host = tensor.detach().to("cpu", non_blocking=True)
        # torch is loaded, or there would be no such tensor; the core never imports it itself.
        self._copied = sys.modules["torch"].cuda.Event()
        self._copied.record(sys.modules["torch"].cuda.current_stream(tensor.device))

    def ready(self) -> bool:
        """Whether the copy has completed."""
        try:
            return bool(self._copied.query())
        except RuntimeError:  # the device failed and the copy will never complete; `value` raises
            return True

    def value(self) -> Number:
        """Return the number, after waiting for the copy if necessary. Raises `RuntimeError` if the device failed."""
        self._copied.synchronize()
        return as_number(self._name, self._host)


class PendingRecords(deque[tuple[Metrics | Artifact, "dict[str, CudaNumber]"]]):
    """Records that wait for numbers from a device, and the records after them, in order."""

    def __init__(self, write: Callable[[Metrics | Artifact], None]) -> None:
        super().__init__()
        self._write = write
        self._lock = threading.RLock()  # only runs that log numbers from a device ever take it

    def add(self, record: Metrics | Artifact, copies: dict[str, CudaNumber]) -> None:
        """Queue a record whose numbers in `copies` are still being copied, and write what is complete by now."""
        with self._lock:
            self.append((record, copies))
            self.flush()

    def flush(self, *, wait: bool = False) -> None:
        """Write the records whose copies have completed, in order; with `wait`, all of them."""
        with self._lock:
            while self:
                record, copies = self[0]
                if not wait and not all(copy.ready() for copy in copies.values()):
                    return
                self.popleft()
                self._write(_completed(record, copies))


def convert(values: Any) -> tuple[dict[str, Number], dict[str, CudaNumber]]:
    """Split values into numbers, and copies in progress of those that are on a device.

    The numbers hold a zero for each copy, which keeps the order of the names. Raises `TypeError` for anything else.
    """
    numbers: dict[str, Number] = {}
    copies: dict[str, CudaNumber] = {}
    for name, value in values.items():
        is_on_device, plain = False, value
        if type(value) is not float:
            try:  # most are tensors, and read here without another call
                is_on_device = value.is_cuda is True
                if not is_on_device and type(item := value.item()) in _PLAIN:
                    plain = item
            except Exception:  # noqa: BLE001, S110  no tensor, or not of one number: `as_number` tells
                pass
        if is_on_device:
            copies[name] = CudaNumber(name, value)
            numbers[name] = 0
        elif type(plain) is float and plain - plain == 0.0:  # false for NaN and the infinities
            numbers[name] = plain
        else:
            numbers[name] = as_number(name, plain)
    return numbers, copies


def _completed(record: Metrics | Artifact, copies: dict[str, CudaNumber]) -> Metrics | Artifact:
    if not copies:
        return record
    values = dict(record.metrics if isinstance(record, Artifact) else record.values)
    for name, copy in copies.items():
        try:
            values[name] = copy.value()
        except RuntimeError as fault:  # the training fails for the same reason; the other values are kept
            del values[name]
            report_fault("metrics", f"the value of {name!r} never came from its device: {fault}")
    if isinstance(record, Artifact):
        return msgspec.structs.replace(record, metrics=values)
    return msgspec.structs.replace(record, values=values)
