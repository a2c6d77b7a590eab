"""Packages of the operating system, drivers and libraries that differ are named, and those that compute are causes."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

import autotrack
from autotrack.journal.records import Environment, encode
from autotrack.journal.run_folder import make_folders, replace_file
from autotrack.readers.compare.comparison import RunComparison
from autotrack.readers.recorded_run import RecordedRun


def recorded(store: Path, packages: dict[str, str], libc: str = "glibc 2.36", **process: Any) -> RecordedRun:
    """Record a run on a machine with these packages and facts."""
    with autotrack.start_run(to=store, params={"seed": 1}) as run:
        run.log({"loss": 0.5}, step=0)
    content = {"manager": "dpkg", "packages": [{"name": name, "version": one} for name, one in packages.items()]}
    name = "environment/system_packages.json"
    make_folders(run.folder, name)
    replace_file(run.folder, name, msgspec.json.encode(content))
    hardware = {"libc": libc, "os_name": "Debian", "os_version": "12", "gpus": [{"name": "T4", "driver": "550.1"}]}
    records = [
        Environment(time=1.0, kind="system_packages", values=_about(packages), files=[name]),
        Environment(time=1.0, kind="hardware", values=hardware),
        Environment(time=1.0, kind="process", values=process),
    ]
    (run.folder / "journal" / "sidecar.jsonl").write_bytes(b"".join(encode(one) + b"\n" for one in records))
    return autotrack.load(run.folder)


def _about(packages: dict[str, str]) -> dict[str, Any]:
    return {"manager": "dpkg", "count": len(packages), "digest": sha256(str(packages).encode()).hexdigest()}


PACKAGES = {"bash": "5.2", "libopenblas0": "0.3.21", "old": "1"}


def test_packages_drivers_and_libraries_are_named_and_those_that_compute_are_causes(store: Path) -> None:
    before = recorded(store, PACKAGES, numpy_blas="openblas 0.3.21")
    changed = {"bash": "5.3", "libopenblas0": "0.3.26", "new": "2"}
    now = recorded(store, changed, libc="glibc 2.41", numpy_blas="openblas 0.3.26")
    found = RunComparison([before, now])
    assert found.differences["system"] == [
        "C library glibc 2.36 → glibc 2.41",
        "BLAS of numpy openblas 0.3.21 → openblas 0.3.26",
        "libopenblas0 0.3.21 → 0.3.26",
        "bash 5.2 → 5.3",
        "new 2 added",
        "old removed",
    ]
    likely = [cause.cause for cause in found.causes if cause.kind == "system" and cause.confidence > 0.1]
    assert likely == found.differences["system"][:3]


def test_on_the_same_machine_nothing_of_it_differs(store: Path) -> None:
    assert "system" not in RunComparison([recorded(store, PACKAGES), recorded(store, PACKAGES)]).differences


def test_of_another_distribution_the_first_packages_are_named(store: Path) -> None:
    others = {f"package{number}": "1" for number in range(30)}
    found = RunComparison([recorded(store, PACKAGES), recorded(store, others)]).differences["system"]
    assert (len(found), found[-1]) == (21, "13 more packages of the operating system")


def test_a_damaged_list_of_packages_is_no_trouble(store: Path) -> None:
    before, now = recorded(store, PACKAGES), recorded(store, {"bash": "6"})
    (now.folder / "environment" / "system_packages.json").write_text("{")
    assert RunComparison([before, now]).differences["system"] == ["packages of the operating system differ"]
