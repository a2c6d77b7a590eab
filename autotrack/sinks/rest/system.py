"""The system load, under the names that MLflow's page of system metrics shows."""

import re

from autotrack.journal.records import Number, SystemStats, number

PREFIX = "system/"

_MEGABYTE = 1e6

_EQUIVALENT = {
    "host_cpu_percent": ("cpu_utilization_percentage", 1.0),
    "host_memory_used_bytes": ("system_memory_usage_megabytes", _MEGABYTE),
    "host_memory_percent": ("system_memory_usage_percentage", 1.0),
    "disk_used_percent": ("disk_usage_percentage", 1.0),
    "disk_free_bytes": ("disk_available_megabytes", _MEGABYTE),
}
"""Names and units of mlflow/system_metrics/metrics/*.py. Not of network traffic: MLflow has totals, we have rates."""

_EQUIVALENT_OF_CARD = {
    "utilization_percent": ("utilization_percentage", 1.0),
    "memory_used_bytes": ("memory_usage_megabytes", _MEGABYTE),
    "memory_percent": ("memory_usage_percentage", 1.0),
    "power_watts": ("power_usage_watts", 1.0),
}


def values_of(record: SystemStats) -> dict[str, Number]:
    """Return the load below `system/`, by MLflow's names where it has one and by ours otherwise.

    Other ranks than 0 get a prefix. Bytes become megabytes as in MLflow, whose page shows plain numbers.
    """
    prefix = f"{PREFIX}rank{record.rank}/" if record.rank else PREFIX
    values: dict[str, Number] = {}
    for name, value in record.values.items():
        shown, unit = equivalent(name)
        values[f"{prefix}{shown}"] = value if unit == 1.0 or isinstance(value, str) else number(value) / unit
    return values


def equivalent(name: str) -> tuple[str, float]:
    """Return MLflow's name for a kind of load, and the number by which our value has to be divided.

    >>> equivalent("gpu0_memory_used_bytes"), equivalent("process_threads")
    (('gpu_0_memory_usage_megabytes', 1000000.0), ('process_threads', 1.0))
    >>> equivalent("process_read_bytes_per_second")
    ('process_read_megabytes_per_second', 1000000.0)
    """
    if (match := re.fullmatch(r"gpu(\d+)_(.+)", name)) and match[2] in _EQUIVALENT_OF_CARD:
        shown, unit = _EQUIVALENT_OF_CARD[match[2]]
        return f"gpu_{match[1]}_{shown}", unit
    if name not in _EQUIVALENT and (match := re.fullmatch(r"(.+_)bytes(_per_second)?", name)):
        return f"{match[1]}megabytes{match[2] or ''}", _MEGABYTE
    return _EQUIVALENT.get(name, (name, 1.0))
