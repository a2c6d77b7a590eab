"""The packages of the operating system, asked of the real dpkg with a small database, and of a stand-in for rpm."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from autotrack.journal.records import AnyRecord, Environment, RunStarted
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import system_packages
from autotrack.sidecar.capture.base import Subject

STATUS = """\
Package: zlib1g
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 1:1.2.13.dfsg-1
Description: compression library
 With a second line.

Package: libopenblas0
Status: install ok installed
Architecture: amd64
Version: 0.3.21+ds-4
Description: linear algebra

Package: vim
Status: deinstall ok config-files
Architecture: amd64
Version: 2:9.0
Description: removed, its configuration left
"""

RPM = """\
installed\topenblas.x86_64\t0.3.26-4.el9
installed\tgpg-pubkey.(none)\t8483c65d-5ccc5b19
installed\tbash.x86_64\t5.1.8-9.el9
installed\tglibc.i686\t2.34-100.el9
installed\tglibc.x86_64\t2.34-100.el9
"""

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="no dpkg on this machine")


def captured(folder: Path) -> list[AnyRecord]:
    started = RunStarted(time=0.0, id="1", name="r", experiment="e")
    return system_packages.capture(Subject(folder / "run", started, Redactor({})))


def only(found: list[AnyRecord]) -> Environment:
    [record] = found
    assert isinstance(record, Environment)
    return record


def program(folder: Path, name: str, code: str) -> None:
    """Put a program into a folder that is the whole PATH of the test."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).write_text(f"#!/bin/sh\n{code}\n")
    (folder / "bin" / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's folder, with nothing else on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.fixture
def dpkg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which dpkg looks for packages."""
    status = tmp_path / "dpkg/status"
    status.parent.mkdir()
    status.write_text(STATUS)
    monkeypatch.setenv("DPKG_ADMINDIR", str(status.parent))
    return status


@needs_dpkg
def test_packages_that_dpkg_has_installed_are_kept_by_name_and_version(tmp_path: Path, dpkg: Path) -> None:
    record = only(captured(tmp_path))
    assert (record.kind, record.values["manager"], record.values["count"]) == ("system_packages", "dpkg", 2)
    assert record.files == ["environment/system_packages.json"]
    assert json.loads((tmp_path / "run" / record.files[0]).read_text()) == {
        "manager": "dpkg",
        "packages": [
            {"name": "libopenblas0", "version": "0.3.21+ds-4"},
            {"name": "zlib1g:amd64", "version": "1:1.2.13.dfsg-1"},
        ],
    }


@needs_dpkg
def test_the_digest_changes_with_a_version_and_with_nothing_else(tmp_path: Path, dpkg: Path) -> None:
    before = only(captured(tmp_path)).values["digest"]
    dpkg.write_text("\n\n".join(reversed(STATUS.split("\n\n"))) + "\n")
    assert only(captured(tmp_path)).values["digest"] == before
    dpkg.write_text(STATUS.replace("0.3.21", "0.3.22"))
    assert only(captured(tmp_path)).values["digest"] != before


def test_rpm_is_asked_where_dpkg_has_nothing(path: Path) -> None:
    (path / "rows").write_text(RPM)
    program(path, "dpkg-query", "exit 1")
    program(path, "rpm", f'while read -r row; do echo "$row"; done < {path}/rows')
    record = only(captured(path))
    assert (record.values["manager"], record.values["count"]) == ("rpm", 4)
    packages = json.loads((path / "run" / record.files[0]).read_text())["packages"]
    assert packages[0] == {"name": "bash.x86_64", "version": "5.1.8-9.el9"}
    assert [one["name"] for one in packages] == ["bash.x86_64", "glibc.i686", "glibc.x86_64", "openblas.x86_64"]


def test_there_is_no_record_where_there_is_no_package_manager(path: Path) -> None:
    assert captured(path) == []
    assert not (path / "run").exists()


def test_a_package_manager_without_a_database_has_no_packages(path: Path) -> None:
    program(path, "dpkg-query", "echo 'no packages found' >&2; exit 1")
    program(path, "rpm", "echo 'error: cannot open Packages database'; exit 1")
    assert captured(path) == []


def test_a_package_manager_that_does_not_answer_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = shutil.which("sleep", path=os.defpath)
    monkeypatch.setattr(system_packages, "TIMEOUT_SECONDS", 0.2)
    program(path, "dpkg-query", f"exec {sleep} 60")
    with pytest.raises(subprocess.TimeoutExpired):
        captured(path)
