"""Packages: every distribution of the interpreter, where it came from, and a file that pip can install."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import git
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

import autotrack
from autotrack.journal.records import Environment, Notice, RunStarted
from autotrack.redaction import Redactor
from autotrack.sidecar.capture import packages
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.packages import (
    DirectUrl,
    DirInfo,
    Distribution,
    VcsInfo,
    find_distributions,
    write_requirements,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def install(
    site: Path, name: str, version: str, *, metadata: str | None = None, **files: str | dict[str, Any]
) -> None:
    """Put a distribution where an interpreter finds it, as installers do; files by name without their ending."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    content = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nA description.\nVersion: 0\n"
    (folder / "METADATA").write_text(content if metadata is None else metadata)
    for file, text in files.items():
        if isinstance(text, dict):
            (folder / f"{file}.json").write_text(json.dumps(text))
        else:
            (folder / file).write_text(text)


def versions(*sites: Path) -> dict[str, str]:
    return {one.name: one.version for one in find_distributions([str(site) for site in sites])[0]}


def requirements(*sites: Path) -> list[str]:
    """The lines after the two that say where they come from."""
    return write_requirements(find_distributions([str(site) for site in sites])[0]).splitlines()[2:]


def captured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, site: Path, environ: dict[str, str] | None = None
) -> tuple[Environment, list[Notice]]:
    """Capture what is on a search path of one folder."""
    monkeypatch.setattr(sys, "path", [str(site)])
    subject = Subject(folder, RunStarted(time=0.0, id="1", name="r", experiment="e"), Redactor(environ or {}))
    found = packages.capture(subject)
    record, notices = found[0], [one for one in found[1:] if isinstance(one, Notice)]
    assert isinstance(record, Environment)
    assert len(notices) == len(found) - 1
    return record, notices


def commit_in(folder: Path) -> str:
    """Make a folder a repository with one commit, and return that."""
    with git.Repo.init(folder) as repository:
        repository.create_remote("origin", "https://me:hunter2secret@example.org/lab/x.git")
        me = git.Actor("A", "a@example.org")
        return repository.index.commit("first", author=me, committer=me).hexsha


# What is found


@pytest.fixture
def venv(tmp_path: Path) -> tuple[str, Path]:
    """A virtual environment with what autotrack needs, behind a distribution of its own and another msgspec."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "env"], check=True, timeout=300)
    site = next((tmp_path / "env").glob("lib/python*/site-packages"))
    behind = [path for path in sys.path if path.endswith("site-packages")]
    (site / "behind.pth").write_text("\n".join([*behind, str(Path(autotrack.__file__).parents[1])]))
    install(site, "only-here", "1.0")
    install(site, "msgspec", "99.0")
    return str(tmp_path / "env/bin/python"), site


def test_a_virtual_environment_is_captured_as_its_interpreter_sees_it(venv: tuple[str, Path], tmp_path: Path) -> None:
    script = """
import json, sys
from importlib import metadata
from pathlib import Path
from autotrack.sidecar.capture import packages
from autotrack.sidecar.capture.base import Subject
from autotrack.journal.records import RunStarted
from autotrack.redaction import Redactor
subject = Subject(Path("run"), RunStarted(time=0.0, id="1", name="r", experiment="e"), Redactor({}))
[record] = packages.capture(subject)
json.dump([record.values, {name: metadata.version(name) for name in record.values["versions"]}], sys.stdout)
"""
    done = subprocess.run([venv[0], "-c", script], capture_output=True, text=True, timeout=300, check=True)
    values, imported = json.loads(done.stdout)
    assert values["versions"] == imported
    assert values["versions"]["only-here"] == "1.0"
    assert values["versions"]["msgspec"] == "99.0", "the first on the path is what an import finds"
    assert values["versions"]["pytest"] == pytest.__version__
    assert values["count"] == len(imported)
    assert values["python"] == sys.version.split()[0]
    written = json.loads((tmp_path / "run/environment/packages.json").read_text())
    assert {one["name"]: one["version"] for one in written["distributions"]} == imported


def test_the_first_on_the_path_counts_however_its_name_is_spelled(tmp_path: Path) -> None:
    install(tmp_path / "a", "Some.Package", "2.0")
    install(tmp_path / "b", "some-package", "1.0")
    assert versions(tmp_path / "a", tmp_path / "b") == {"Some.Package": "2.0"}
    assert versions(tmp_path / "b", tmp_path / "a") == {"some-package": "1.0"}


def test_what_pip_left_behind_is_not_installed(tmp_path: Path) -> None:
    install(tmp_path, "numpy", "2.0")
    install(tmp_path, "~umpy", "1.0", metadata="Name: numpy\nVersion: 1.0\n")
    assert versions(tmp_path) == {"numpy": "2.0"}


def test_metadata_in_older_forms_is_read(tmp_path: Path) -> None:
    (tmp_path / "folder.egg-info").mkdir()
    (tmp_path / "folder.egg-info/PKG-INFO").write_text("Metadata-Version: 1.0\nname: folder\nVERSION:  1.0 \n")
    (tmp_path / "file-2.0.egg-info").write_text(
        "Metadata-Version: 1.0\nSummary: a\n Name: b\nName: file\nVersion: 2.0\n"
    )
    assert versions(tmp_path) == {"folder": "1.0", "file": "2.0"}


def test_broken_metadata_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    install(site, "good", "1.0", direct_url={"no": "url"})
    install(site, "nameless", "1.0", metadata="Version: 1.0\n")
    install(site, "empty", "1.0", metadata="")
    install(site, "folded", "1.0", metadata=": odd\n\nName: folded\nVersion: 1.0\n")
    install(site, "bytes", "1.0", metadata="")
    (site / "bytes-1.0.dist-info/METADATA").write_bytes(b"Name: \xff\nVersion: 1\n")
    (site / "gone-1.0.dist-info").mkdir()
    record, [notice] = captured(tmp_path / "run", monkeypatch, site)
    assert record.values["versions"] == {"good": "1.0"}
    assert "5 distributions without a readable name and version" in notice.message
    assert "nameless-1.0.dist-info" in notice.message


def test_an_environment_without_anything_is_captured_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, notices = captured(tmp_path / "run", monkeypatch, tmp_path / "nowhere")
    assert (record.values["count"], notices) == (0, [])


def test_where_a_distribution_came_from_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    vcs = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}
    install(site, "from-git", "0.1", INSTALLER="pip\n", direct_url={"url": "https://h.org/x.git", "vcs_info": vcs})
    record, _ = captured(tmp_path / "run", monkeypatch, site)
    assert record.values["commits"] == {"from-git": COMMIT}
    assert json.loads((tmp_path / "run" / record.files[0]).read_text())["distributions"] == [
        {
            "name": "from-git",
            "version": "0.1",
            "installer": "pip",
            "direct_url": {"url": "https://h.org/x.git", "vcs_info": vcs},
        }
    ]


def test_the_commit_of_code_that_is_imported_in_place_is_kept(tmp_path: Path) -> None:
    project = tmp_path / "my project"
    commit = commit_in(project)
    url = (project / "python").as_uri()
    (project / "python").mkdir()
    install(tmp_path / "site", "mine", "0.1", direct_url={"url": url, "dir_info": {"editable": True}})
    [found], _ = find_distributions([str(tmp_path / "site")])
    assert (found.folder, found.commit) == (str(project / "python"), commit)
    assert requirements(tmp_path / "site") == [
        f"# mine==0.1: imported in place from {project}/python, at commit {commit} of https://example.org/lab/x.git"
    ]


def test_metadata_beside_code_hides_nothing_of_how_it_was_installed(tmp_path: Path) -> None:
    """An editable install by setuptools leaves an egg-info in the project, first on the path of a script there."""
    project, site = tmp_path / "project", tmp_path / "lib/site-packages"
    (project / "mine.egg-info").mkdir(parents=True)
    (project / "mine.egg-info/PKG-INFO").write_text("Name: mine\nVersion: 0.1\n")
    [alone], _ = find_distributions([str(project)])
    assert alone.folder == str(project)
    install(site, "mine", "0.1", INSTALLER="uv", direct_url={"url": project.as_uri(), "dir_info": {"editable": True}})
    [found], _ = find_distributions([str(project), str(site)])
    assert (found.folder, found.installer) == (str(project), "uv")
    assert requirements(project, site) == [f"# mine==0.1: imported in place from {project}"]


@pytest.mark.parametrize("state", ["no repository", "no commit", "gone", "broken"])
def test_code_in_place_without_a_commit_has_none(tmp_path: Path, state: str) -> None:
    project = tmp_path / "project"
    if state != "gone":
        project.mkdir()
    if state in ("no commit", "broken"):
        git.Repo.init(project).close()
    if state == "broken":
        (project / ".git/config").write_text("[core\nno section")
    install(tmp_path / "site", "mine", "1", direct_url={"url": project.as_uri(), "dir_info": {"editable": True}})
    assert requirements(tmp_path / "site") == [f"# mine==1: imported in place from {project}"]


def test_the_digest_is_another_for_another_version_or_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(site: str, version: str, commit: str) -> str:
        url = {"url": "https://h.org/x.git", "vcs_info": {"vcs": "git", "commit_id": commit}}
        install(tmp_path / site, "mine", version, direct_url=url)
        install(tmp_path / site, "other", "1")
        return str(captured(tmp_path / "run", monkeypatch, tmp_path / site)[0].values["digest"])

    assert digest("a", "1", "c0") == digest("b", "1", "c0")
    assert len({digest("c", "1", "c0"), digest("d", "2", "c0"), digest("e", "1", "c1")}) == 3


# What pip can install


@pytest.mark.parametrize(
    ("direct_url", "line"),
    [
        (None, "mine==1.0"),
        (
            {"url": "https://h.org/x.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}, "subdirectory": "py"},
            f"mine @ git+https://h.org/x.git@{COMMIT}#subdirectory=py",
        ),
        (
            {"url": "ssh://git@h.org/x.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"mine @ git+ssh://git@h.org/x.git@{COMMIT}",
        ),
        (
            {"url": "https://h.org/mine-1.0-py3-none-any.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
            "mine @ https://h.org/mine-1.0-py3-none-any.whl",
        ),
        (
            {"url": "https://h.org/mine-1.0.tar.gz", "archive_info": {"hashes": {"sha256": "ab" * 32}}},
            f"mine @ https://h.org/mine-1.0.tar.gz#sha256={'ab' * 32}",
        ),
        (
            {"url": "file:///w/mine-1.0.whl", "archive_info": {}},
            "mine==1.0  # installed from file:///w/mine-1.0.whl",
        ),
        ({"url": "file:///home/me/mine", "dir_info": {}}, "# mine==1.0: installed from file:///home/me/mine"),
        ({"url": "file:///gone", "dir_info": {"editable": True}}, "# mine==1.0: imported in place from /gone"),
        (
            {"url": "https://h.org/a b.whl", "archive_info": {}},
            "mine==1.0  # installed from https://h.org/a b.whl",
        ),
        ({"url": "https://[h", "archive_info": {}}, "mine==1.0"),
    ],
)
def test_each_origin_has_its_line(tmp_path: Path, direct_url: dict[str, Any] | None, line: str) -> None:
    files: dict[str, Any] = {"direct_url": direct_url} if direct_url else {}
    install(tmp_path, "mine", "1.0", **files)
    assert [" ".join(line.split())] == requirements(tmp_path)


def test_a_package_of_conda_is_asked_for_by_its_version_not_by_the_folder_it_was_built_in(tmp_path: Path) -> None:
    install(
        tmp_path, "idna", "3.4", INSTALLER="conda", direct_url={"url": "file:///croot/idna_1/work", "dir_info": {}}
    )
    assert requirements(tmp_path) == ["idna==3.4"]


@pytest.mark.parametrize(
    ("version", "begins"),
    [
        ("2.13.0+cpu", "torch==2.13.0 # it was 2.13.0+cpu,"),
        ("2.14.0.dev20261101+cu130", "# torch==2.14.0.dev20261101+cu130"),
        ("2.14.0.dev20261101", "torch==2.14.0.dev20261101"),
        ("2024.07.04", "torch==2024.07.04"),
        ("1.0-custom build", "# torch==1.0-custom build"),
        ("unknown", "# torch==unknown"),
    ],
)
def test_only_versions_that_pip_can_ask_an_index_for_are_asked_for(tmp_path: Path, version: str, begins: str) -> None:
    install(tmp_path, "torch", version)
    [line] = requirements(tmp_path)
    assert line.startswith(begins)


text = st.text(st.characters(codec="utf-8"), max_size=20)
version_like = st.from_regex(r"[0-9v!.abcrc\-_+postdev ]{1,12}", fullmatch=True)
urls = st.builds(
    DirectUrl,
    url=st.one_of(text, st.builds("https://h.org/{}".format, text)),
    vcs_info=st.none() | st.builds(VcsInfo, vcs=st.just("git"), commit_id=text),
    dir_info=st.none() | st.builds(DirInfo, editable=st.booleans()),
    archive_info=st.none() | st.just(dict[str, Any]()),
    subdirectory=st.none() | text,
)


@given(
    st.builds(
        Distribution,
        name=st.one_of(text, st.sampled_from(["a", "A.b-c_d"])),
        version=st.one_of(text, version_like, st.just("1.0")),
        installer=st.sampled_from([None, "pip", "conda"]),
        direct_url=st.none() | urls,
        folder=st.none() | text,
    )
)
def test_whatever_a_distribution_says_its_line_is_a_comment_or_a_requirement(one: Distribution) -> None:
    head, how, line = write_requirements([one]).splitlines()
    assert head.startswith("# ")
    assert how.startswith("# ")
    if not line.startswith("#"):
        assert Requirement(line.partition(" #")[0]).name == one.name


@pytest.mark.slow
def test_pip_finds_the_requirements_of_this_very_environment_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip")
    lines = write_requirements(find_distributions(sys.path)[0])
    (tmp_path / "requirements.txt").write_text(lines)
    command = (
        "-m pip --isolated --disable-pip-version-check install --dry-run --no-index --no-deps -r requirements.txt"
    )
    done = subprocess.run([sys.executable, *command.split()], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout
    assert done.stdout.count("already satisfied") >= sum(not line.startswith("#") for line in lines.splitlines())


@pytest.mark.slow
def test_an_editable_install_by_pip_is_found_with_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("pip")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/mine.py").write_text("")
    (tmp_path / "project/pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "mine"\nversion = "0.1"\n[tool.hatch.build]\ndev-mode-dirs = ["."]\n'
    )
    options = (
        "--isolated --disable-pip-version-check install --no-index --no-build-isolation --no-deps --prefix prefix"
    )
    command = [sys.executable, "-m", "pip", *options.split(), "-e", "project"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    [found], _ = find_distributions([str(next(tmp_path.glob("prefix/lib/python*/site-packages")))])
    assert (found.name, found.version, found.installer) == ("mine", "0.1", "pip")
    assert found.folder == str(tmp_path / "project")


# What is kept to oneself, and what it costs


def test_no_credential_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, project = tmp_path / "site", tmp_path / "project"
    commit_in(project)
    vcs = {"vcs": "git", "commit_id": COMMIT}
    install(site, "a", "1", direct_url={"url": "https://me:hunter2secret@h.org/a.git", "vcs_info": vcs})
    install(site, "b", "1", direct_url={"url": "https://hunter2secret@h.org/b.whl", "archive_info": {}})
    install(site, "c", "1", direct_url={"url": "ssh://git:hunter2secret@h.org/c.git", "vcs_info": vcs})
    install(site, "d", "1", direct_url={"url": project.as_uri(), "dir_info": {"editable": True}})
    install(site, "e", "1", direct_url={"url": "https://h.org/hunter3secret/e.whl", "archive_info": {}})
    record, _ = captured(tmp_path / "run", monkeypatch, site, {"INDEX_PASSWORD": "hunter3secret"})
    everything = str(record) + "".join((tmp_path / "run" / file).read_text() for file in record.files)
    assert "hunter2" not in everything
    assert "hunter3" not in everything
    assert "https://h.org/a.git" in everything


def test_packages_named_like_secrets_keep_their_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["google-auth", "tokenizers", "PyJWT", "keyring", "python-secrets", "http-cookies", "oauthlib"]
    for name in names:
        install(tmp_path / "site", name, "2.38.0")
    record, _ = captured(tmp_path / "run", monkeypatch, tmp_path / "site")
    for file in record.files:
        written = (tmp_path / "run" / file).read_text()
        assert written.count("2.38.0") == len(names)
        assert "redacted" not in written


def test_the_file_names_no_index_and_not_this_machine(tmp_path: Path) -> None:
    install(tmp_path, "torch", "2.13.0+cpu")
    written = write_requirements(find_distributions([str(tmp_path)])[0])
    assert "index-url" not in written
    assert "://" not in written
    assert os.uname().nodename not in written


@pytest.mark.alone
def test_a_large_environment_takes_a_fraction_of_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(150):
        name, description = f"package{number}", "A line of a long description.\n" * 1000
        install(tmp_path / "site", name, "1.0", metadata=f"Name: {name}\nVersion: 1.0\n\n{description}")
    begun = time.process_time()
    record, _ = captured(tmp_path / "run", monkeypatch, tmp_path / "site")
    assert record.values["count"] == 150
    assert time.process_time() - begun < 0.3
