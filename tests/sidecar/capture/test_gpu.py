"""The load of NVIDIA cards: exact numbers, from a stand-in whose names cannot differ from those of the real NVML."""

import inspect
import sys
from typing import Any

import pytest

from autotrack.sidecar.capture.gpu import GpuSampler

pynvml = pytest.importorskip("pynvml")

GB = 10**9


class Driver:
    """As much of the module `pynvml` as is needed, with two cards; values can be changed, or replaced by errors."""

    NVMLError = pynvml.NVMLError
    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVML_CLOCK_SM = pynvml.NVML_CLOCK_SM

    def __init__(self, cards: int = 2) -> None:
        self._cards = [f"GPU-{index}a{index}b-0000" for index in range(cards)]
        self._mig = {"MIG-1111": (1, "part of card 1")}
        self._errors: dict[str, Exception] = {}
        self._asked: list[str] = []
        self._processes: list[Any] = []

    def nvmlInit(self) -> None:
        self._answer("nvmlInit")

    def nvmlDeviceGetCount(self) -> int:
        self._answer("nvmlDeviceGetCount")
        return len(self._cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        self._answer(f"nvmlDeviceGetHandleByIndex {index}")
        return self._cards[index]

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return handle

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        if uuid not in self._mig:
            raise pynvml.NVMLError_NotFound
        return self._mig[uuid][1]

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, migDevice: str) -> str:  # noqa: N803  # as it is there
        return next(self._cards[index] for index, device in self._mig.values() if device == migDevice)

    def nvmlDeviceGetIndex(self, handle: str) -> int:
        return self._cards.index(handle)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        self._answer("nvmlDeviceGetUtilizationRates", handle)
        return pynvml.c_nvmlUtilization_t(gpu=60 + self._cards.index(handle), memory=30)

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
        self._answer("nvmlDeviceGetMemoryInfo")
        if handle not in self._cards:
            return pynvml.c_nvmlMemory_t(total=10 * GB, free=1 * GB, used=9 * GB)
        return pynvml.c_nvmlMemory_t(total=80 * GB, free=70 * GB, used=10 * GB)

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        self._answer("nvmlDeviceGetPowerUsage", handle)
        return 251_500

    def nvmlDeviceGetTemperatureV(self, handle: str, sensor: int) -> int:
        self._answer("nvmlDeviceGetTemperatureV", handle)
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return 71

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> int:
        self._answer("nvmlDeviceGetTemperature", handle)
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return 70

    def nvmlDeviceGetClockInfo(self, handle: str, type: int) -> int:  # noqa: A002  # as it is there
        self._answer("nvmlDeviceGetClockInfo", handle)
        assert type == pynvml.NVML_CLOCK_SM
        return 1980

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Any]:
        self._answer("nvmlDeviceGetComputeRunningProcesses")
        return self._processes

    def fails(self, name: str, error: Exception) -> None:
        self._errors[name] = error

    def _answer(self, name: str, handle: str | None = None) -> None:
        self._asked.append(name)
        if handle is not None and handle not in self._cards:  # a MIG device
            raise pynvml.NVMLError_NotSupported
        for wanted in (name, "everything"):
            if wanted in self._errors:
                raise self._errors[wanted]


def process(pid: int, memory: int | None) -> Any:
    return pynvml.nvmlFriendlyObject({"pid": pid, "usedGpuMemory": memory})


def cards_of(values: dict[str, float | int]) -> set[str]:
    return {name.partition("_")[0] for name in values}


ONE_CARD = {
    "gpu0_utilization_percent": 60,
    "gpu0_memory_used_bytes": 10 * GB,
    "gpu0_memory_percent": 12.5,
    "gpu0_power_watts": 251.5,
    "gpu0_temperature_celsius": 71,
    "gpu0_sm_clock_mhz": 1980,
}


def test_the_stand_in_has_nothing_that_nvml_has_not() -> None:
    offered = {name: value for name, value in vars(Driver).items() if name.lower().startswith("nvml")}
    assert len(offered) > 12
    for name, value in offered.items():
        real = getattr(pynvml, name)
        if not inspect.isfunction(value):
            assert value is real or value == real, name
            continue
        parameters = list(inspect.signature(real).parameters.values())
        taken = list(inspect.signature(value).parameters)[1:]
        assert [parameter.name for parameter in parameters[: len(taken)]] == taken, name
        assert all(parameter.default is not parameter.empty for parameter in parameters[len(taken) :]), name


def test_a_machine_without_a_driver_has_no_cards() -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        pass
    else:
        pytest.skip("there is a driver")
    sampler = GpuSampler(environ={})
    assert sampler.sample([1]) == sampler.sample([1]) == {}


def test_without_the_library_there_are_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert GpuSampler(environ={}).sample([1]) == {}


def test_a_driver_that_is_not_there_is_not_looked_for_again() -> None:
    driver = Driver()
    driver.fails("nvmlInit", pynvml.NVMLError_DriverNotLoaded())
    sampler = GpuSampler(nvml=driver, environ={})
    assert [sampler.sample([1]) for _ in range(3)] == [{}, {}, {}]
    assert driver._asked == ["nvmlInit"]


def test_the_values_of_every_card_have_its_index_and_their_unit() -> None:
    driver = Driver()
    sampler = GpuSampler(nvml=driver, environ={})
    second = {name.replace("gpu0", "gpu1"): value for name, value in ONE_CARD.items()}
    assert sampler.sample([]) == ONE_CARD | second | {"gpu1_utilization_percent": 61}
    sampler.sample([])
    assert driver._asked.count("nvmlInit") == driver._asked.count("nvmlDeviceGetCount") == 1


def test_memory_of_the_processes_of_the_training_is_told_apart() -> None:
    driver = Driver(cards=1)
    sampler = GpuSampler(nvml=driver, environ={})
    driver._processes = [process(41, 3 * GB), process(42, 2 * GB), process(43, None), process(99, 5 * GB)]
    assert sampler.sample({41, 42, 43}) == ONE_CARD | {"gpu0_process_memory_bytes": 5 * GB}
    assert sampler.sample({43}) == ONE_CARD  # NVML knows the process, and not its memory
    assert sampler.sample({1, 2}) == ONE_CARD  # in a container it may know it by another number


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("nvmlDeviceGetUtilizationRates", {"utilization_percent"}),
        ("nvmlDeviceGetMemoryInfo", {"memory_used_bytes", "memory_percent"}),
        ("nvmlDeviceGetPowerUsage", {"power_watts"}),
        ("nvmlDeviceGetClockInfo", {"sm_clock_mhz"}),
        ("nvmlDeviceGetComputeRunningProcesses", {"process_memory_bytes"}),
    ],
)
@pytest.mark.parametrize("error", ["NotSupported", "NoPermission", "GpuIsLost", "FunctionNotFound"])
def test_what_a_card_does_not_tell_is_left_out_alone(query: str, missing: set[str], error: str) -> None:
    driver = Driver(cards=1)
    driver._processes = [process(41, GB)]
    driver.fails(query, getattr(pynvml, f"NVMLError_{error}")())
    expected = ONE_CARD | {"gpu0_process_memory_bytes": GB}
    found = GpuSampler(nvml=driver, environ={}).sample([41])
    assert found == {name: value for name, value in expected.items() if name.removeprefix("gpu0_") not in missing}


def test_the_temperature_is_asked_for_as_the_driver_knows_it() -> None:
    driver = Driver(cards=1)
    driver.fails("nvmlDeviceGetTemperatureV", pynvml.NVMLError_FunctionNotFound())
    assert GpuSampler(nvml=driver, environ={}).sample([])["gpu0_temperature_celsius"] == 70
    driver.fails("nvmlDeviceGetTemperature", pynvml.NVMLError_FunctionNotFound())
    assert "gpu0_temperature_celsius" not in GpuSampler(nvml=driver, environ={}).sample([])


def test_a_library_without_one_of_the_functions_costs_its_value_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature", "nvmlDeviceGetClockInfo"):
        monkeypatch.delattr(Driver, name)
    left = {"gpu0_utilization_percent", "gpu0_memory_used_bytes", "gpu0_memory_percent", "gpu0_power_watts"}
    assert GpuSampler(nvml=Driver(cards=1), environ={}).sample([]).keys() == left


def test_a_driver_that_breaks_later_raises_nothing_and_may_come_back() -> None:
    driver = Driver(cards=1)
    sampler = GpuSampler(nvml=driver, environ={})
    assert sampler.sample([]) == ONE_CARD
    driver.fails("everything", pynvml.NVMLError_Uninitialized())
    assert sampler.sample([]) == {}
    driver._errors.clear()
    assert sampler.sample([]) == ONE_CARD


def test_a_card_that_fell_off_the_bus_hides_no_other() -> None:
    driver = Driver(cards=3)
    driver.fails("nvmlDeviceGetHandleByIndex 1", pynvml.NVMLError_GpuIsLost())
    assert cards_of(GpuSampler(nvml=driver, environ={}).sample([])) == {"gpu0", "gpu2"}


@pytest.mark.parametrize(
    ("visible", "indices"),
    [
        ("0", [0]),
        ("2", [2]),
        ("3, 1", [1, 3]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("1,-1,2", [1]),  # CUDA sees nothing behind an error
        ("0,9,2", [0]),
        ("GPU-2a2b-0000", [2]),
        ("GPU-3a,GPU-0a", [0, 3]),
        ("GPU-", []),  # begins as all of them
        ("GPU-f", []),
        ("GPU-1a2b", []),
        ("MIG-1111", [1]),
        ("MIG-2222", []),
    ],
)
def test_only_cards_that_the_training_may_use_are_sampled_under_their_physical_index(
    visible: str, indices: list[int]
) -> None:
    values = GpuSampler(nvml=Driver(cards=4), environ={"CUDA_VISIBLE_DEVICES": visible}).sample([])
    assert cards_of(values) == {f"gpu{index}" for index in indices}
    if not visible.startswith("MIG"):
        assert {values[f"gpu{index}_utilization_percent"] for index in indices} == {60 + index for index in indices}


def test_of_a_part_of_a_card_its_own_memory_is_told() -> None:
    driver = Driver()
    driver._processes = [process(41, 9 * GB)]
    values = GpuSampler(nvml=driver, environ={"CUDA_VISIBLE_DEVICES": "MIG-1111"}).sample([41])
    assert values == {
        "gpu1_memory_used_bytes": 9 * GB,
        "gpu1_memory_percent": 90.0,
        "gpu1_process_memory_bytes": 9 * GB,
    }


@pytest.mark.gpu
def test_a_real_card_tells_its_load() -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        pytest.skip("no driver")
    values = GpuSampler(environ={"CUDA_VISIBLE_DEVICES": "0"}).sample([])
    assert values["gpu0_memory_used_bytes"] > 0
    assert 0 < values["gpu0_memory_percent"] <= 100
    assert 0 <= values.get("gpu0_utilization_percent", 0) <= 100
    assert 0 < values.get("gpu0_temperature_celsius", 40) < 120
