"""The load of NVIDIA cards, as their driver tells it through NVML."""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

_Values = dict[str, float | int]
_MILLIWATTS_PER_WATT = 1000


class GpuSampler:
    """Reads the load of the cards that the training may use; finds none where there is no card, driver or library.

    Values are named by the index that `nvidia-smi` shows, whatever the training process calls the card. `environ` is
    that of the training process, and its CUDA_VISIBLE_DEVICES says which cards it may use. (CUDA counts the fastest
    card first unless CUDA_DEVICE_ORDER is PCI_BUS_ID; that differs from here where unlike cards are in one machine.)
    `nvml` is the module `pynvml`, which is looked for when it is not given.
    """

    def __init__(self, *, nvml: Any = None, environ: Mapping[str, str] = os.environ) -> None:
        self._nvml = nvml
        self._visible = environ.get("CUDA_VISIBLE_DEVICES")
        self._cards: dict[int, Any] | None = None

    def sample(self, pids: Collection[int]) -> dict[str, float | int]:
        """Return the load of each card, with the memory that the processes `pids` hold on it.

        Utilization is that of the last second or less. What a card or its driver does not tell is left out; so is
        the memory of processes where NVML knows them by other numbers, as it may for those in a container.
        """
        if self._cards is None:  # once: a driver that is not there is not looked for again
            self._cards = self._find_cards()
        values: _Values = {}
        for index, card in self._cards.items():
            for read in (_utilization, _memory, _power, _temperature, _clock):
                # A driver without the function is an NVMLError, a library without it (they drop some) the other.
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
        except self._nvml.NVMLError:  # no driver, or another version than the library's
            return {}


def _utilization(nvml: Any, card: Any) -> _Values:
    return {"utilization_percent": nvml.nvmlDeviceGetUtilizationRates(card).gpu}


def _memory(nvml: Any, card: Any) -> _Values:
    memory = nvml.nvmlDeviceGetMemoryInfo(card)  # what the driver keeps for itself is used as well: nobody can have it
    return {"memory_used_bytes": memory.used, "memory_percent": round(100 * memory.used / max(1, memory.total), 2)}


def _power(nvml: Any, card: Any) -> _Values:
    return {"power_watts": nvml.nvmlDeviceGetPowerUsage(card) / _MILLIWATTS_PER_WATT}


def _temperature(nvml: Any, card: Any) -> _Values:
    try:
        celsius = nvml.nvmlDeviceGetTemperatureV(card, nvml.NVML_TEMPERATURE_GPU)
    except (nvml.NVMLError, AttributeError):  # older than version 570; the one below is to go in CUDA 14
        celsius = nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU)
    return {"temperature_celsius": celsius}


def _clock(nvml: Any, card: Any) -> _Values:
    return {"sm_clock_mhz": nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_SM)}


def _own(nvml: Any, card: Any, pids: Collection[int]) -> _Values:
    running = nvml.nvmlDeviceGetComputeRunningProcesses(card)
    held = [one.usedGpuMemory for one in running if one.pid in pids and one.usedGpuMemory is not None]
    return {"process_memory_bytes": sum(held)} if held else {}


def _all_cards(nvml: Any) -> dict[int, Any]:
    cards = {}
    for index in range(nvml.nvmlDeviceGetCount()):
        with suppress(nvml.NVMLError):  # one card that fell off the bus hides no other
            cards[index] = nvml.nvmlDeviceGetHandleByIndex(index)
    return cards


def _visible_cards(nvml: Any, cards: Mapping[int, Any], visible: str) -> dict[int, Any]:
    """Choose among cards as CUDA does: by index, (abbreviated) UUID or that of a MIG device, up to the first error."""
    chosen: dict[int, Any] = {}
    for word in map(str.strip, visible.split(",")):
        if word.startswith("MIG-"):
            found = _mig_device(nvml, word)
        elif word.startswith("GPU-"):
            uuids = {index: nvml.nvmlDeviceGetUUID(card) for index, card in cards.items()}
            found = [(index, cards[index]) for index, uuid in uuids.items() if uuid.startswith(word)]
        else:
            found = [(index, card) for index, card in cards.items() if word == str(index)]
        if len(found) != 1:
            break
        chosen |= dict(found)
    return dict(sorted(chosen.items()))


def _mig_device(nvml: Any, uuid: str) -> list[tuple[int, Any]]:
    """A part of a card stands for the card: NVML tells its memory, and that of its processes, and refuses the rest."""
    try:
        device = nvml.nvmlDeviceGetHandleByUUID(uuid)
        card = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device)
        return [(nvml.nvmlDeviceGetIndex(card), device)]
    except nvml.NVMLError:
        return []
