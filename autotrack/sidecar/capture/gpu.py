"""Samples the load of NVIDIA cards, which their driver reports through NVML."""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

_Values = dict[str, float | int]
_MILLIWATTS_PER_WATT = 1000


class GpuSampler:
    """Reads the load of the cards that training may use. Without a card, a driver or the library, there are none.

    Values are named by the index that `nvidia-smi` shows, whatever the training process calls the card. CUDA counts
    the fastest card first unless CUDA_DEVICE_ORDER is PCI_BUS_ID, so its index may differ where cards are not alike.

    Args:
        nvml: The module `pynvml`; by default it is imported if it is installed.
        environ: The environment of the training process: CUDA_VISIBLE_DEVICES tells which cards it may use.
    """

    def __init__(self, *, nvml: Any = None, environ: Mapping[str, str] = os.environ) -> None:
        self._nvml = nvml
        self._visible = environ.get("CUDA_VISIBLE_DEVICES")
        self._cards: dict[int, Any] | None = None

    def sample(self, pids: Collection[int]) -> dict[str, float | int]:
        """Return the load of each card, with the memory that the processes `pids` hold on it.

        Utilization is that of the last second or less. What a card or its driver does not report is left out, and so
        is the memory of processes that NVML knows by other ids, as it may for processes in a container.
        """
        if self._cards is None:  # once: a missing driver is not looked for again
            self._cards = self._find_cards()
        values: _Values = {}
        for index, card in self._cards.items():
            for read in (_utilization, _memory, _power, _temperature, _clock):
                # NVMLError: the driver lacks the function. AttributeError: this version of the library does.
                with suppress(self._nvml.NVMLError, AttributeError):
                    values |= {f"gpu{index}_{name}": value for name, value in read(self._nvml, card).items()}
            with suppress(self._nvml.NVMLError):
                values |= {f"gpu{index}_{name}": value for name, value in _own(self._nvml, card, pids).items()}
        return values

    def _find_cards(self) -> dict[int, Any]:
        if self._nvml is None:
            try:
                import pynvml
            except ImportError:
                return {}
            self._nvml = pynvml
        try:
            self._nvml.nvmlInit()
            cards = _all_cards(self._nvml)
            return cards if self._visible is None else _visible_cards(self._nvml, cards, self._visible)
        except self._nvml.NVMLError:  # no driver, or one that does not fit the library
            return {}


def _utilization(nvml: Any, card: Any) -> _Values:
    return {"utilization_percent": nvml.nvmlDeviceGetUtilizationRates(card).gpu}


def _memory(nvml: Any, card: Any) -> _Values:
    memory = nvml.nvmlDeviceGetMemoryInfo(card)  # "used" includes what the driver keeps for itself
    return {"memory_used_bytes": memory.used, "memory_percent": round(100 * memory.used / max(1, memory.total), 2)}


def _power(nvml: Any, card: Any) -> _Values:
    return {"power_watts": nvml.nvmlDeviceGetPowerUsage(card) / _MILLIWATTS_PER_WATT}


def _temperature(nvml: Any, card: Any) -> _Values:
    try:
        celsius = nvml.nvmlDeviceGetTemperatureV(card, nvml.NVML_TEMPERATURE_GPU)
    except (nvml.NVMLError, AttributeError):  # drivers before 570; CUDA 14 drops the older function
        celsius = nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU)
    return {"temperature_celsius": celsius}


def _clock(nvml: Any, card: Any) -> _Values:
    return {"sm_clock_mhz": nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_SM)}


def _own(nvml: Any, card: Any, pids: Collection[int]) -> _Values:
    running = nvml.nvmlDeviceGetComputeRunningProcesses(card)
    held = [each.usedGpuMemory for each in running if each.pid in pids and each.usedGpuMemory is not None]
    return {"process_memory_bytes": sum(held)} if held else {}


def _all_cards(nvml: Any) -> dict[int, Any]:
    cards = {}
    for index in range(nvml.nvmlDeviceGetCount()):
        with suppress(nvml.NVMLError):  # a card that fell off the bus must not hide the others
            cards[index] = nvml.nvmlDeviceGetHandleByIndex(index)
    return cards


def _visible_cards(nvml: Any, cards: Mapping[int, Any], visible: str) -> dict[int, Any]:
    """Choose among cards as CUDA does: by index, by UUID or its beginning, or by MIG device, up to the first error."""
    chosen: dict[int, Any] = {}
    for word in map(str.strip, visible.split(",")):
        if word.startswith("MIG-"):
            matching = _mig_device(nvml, word)
        elif word.startswith("GPU-"):
            uuids = {index: nvml.nvmlDeviceGetUUID(card) for index, card in cards.items()}
            matching = [(index, cards[index]) for index, uuid in uuids.items() if uuid.startswith(word)]
        else:
            matching = [(index, card) for index, card in cards.items() if word == str(index)]
        if len(matching) != 1:
            break
        chosen |= dict(matching)
    return dict(sorted(chosen.items()))


def _mig_device(nvml: Any, uuid: str) -> list[tuple[int, Any]]:
    """Return the index of the card that a MIG device is part of, and the device. NVML only reports its memory."""
    try:
        device = nvml.nvmlDeviceGetHandleByUUID(uuid)
        card = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device)
        return [(nvml.nvmlDeviceGetIndex(card), device)]
    except nvml.NVMLError:
        return []
