"""Commit, patch and archive put every byte of a working tree back, and have no secret in them."""

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotrack.redaction import Redactor
from tests.support.repositories import (
    BINARY,
    TOKEN,
    assert_put_back,
    capture,
    commit,
    new,
    put,
    put_back,
    run_git,
    tree,
)


def test_staged_and_unstaged_and_deleted_and_binary_and_modes_are_put_back(repo: Path) -> None:
    commit(
        repo,
        {
            "gone.py": "gone\n",
            "weights.bin": BINARY,
            "run.sh": "#!/bin/sh\n",
            "both.py": "1\n",
            "crlf.txt": "a\r\nb\r\n",
        },
    )
    put(repo, {"model.py": "one\n", "staged.py": "new\n", "both.py": "2\n"})
    run_git(repo, "add", "model.py", "staged.py", "both.py")
    put(repo, {"both.py": "3\n", "weights.bin": BINARY[::-1], "crlf.txt": "a\r\nc\r\n", "latin.txt": b"caf\xe9\n"})
    run_git(repo, "add", "--intent-to-add", "latin.txt")
    (repo / "gone.py").unlink()
    (repo / "run.sh").chmod(0o755)
    captured = capture(repo)
    assert captured.values["dirty"]
    changed = ["both.py", "crlf.txt", "gone.py", "latin.txt", "model.py", "run.sh", "staged.py", "weights.bin"]
    assert sorted(captured.values["changed"]) == changed
    assert_put_back(repo, captured)


ODD_NAMES = [
    *("with space.py", 'quo"te.py', "new\nline.py", "tab\t.py", "back\\slash.py", "ümlaut.py", "*.py", ":(top)x"),
    *("-dash", "caf\udce9.py", "b/ b/x.py"),
]


def test_odd_names_survive(repo: Path) -> None:
    commit(repo, dict.fromkeys(ODD_NAMES, "before\n"))
    put(repo, dict.fromkeys(ODD_NAMES, "after\n") | {f"un/{name}": "x" for name in ODD_NAMES})
    captured = capture(repo)
    assert len(captured.values["changed"]) == len(captured.values["untracked"]) == len(ODD_NAMES)
    assert_put_back(repo, captured)


def test_a_file_may_have_become_a_folder_and_a_folder_a_file(repo: Path) -> None:
    commit(repo, {"one": "file", "two/inner.py": "x", "three": "file"})
    (repo / "one").unlink()
    (repo / "two" / "inner.py").unlink()
    (repo / "two").rmdir()
    (repo / "three").unlink()
    put(repo, {"one/inner.py": "y", "two": "file", "three/.env": "PASSWORD=hunter2"})
    run_git(repo, "add", "three")
    captured = capture(repo)
    assert b"hunter2" not in captured.everything()
    (repo / "three" / ".env").unlink()
    assert_put_back(repo, captured)


NAMES = st.sampled_from(["a.py", "b c.txt", "pkg/d.py", "pkg/é.bin", "e\n.md", "f.py"])
LINES = st.lists(
    st.sampled_from(
        [
            b"x = 1\n",
            b"y\r\n",
            b"\n",
            b"caf\xe9\n",
            b"-- z\n",
            b"@@ -1 +1 @@\n",
            b"diff --git a/q b/q\n",
        ]
    )
)
CONTENTS = st.one_of(
    LINES.map(b"".join), LINES.map(lambda lines: b"".join(lines) + b"no end"), st.binary(max_size=300), st.just(BINARY)
)
TREES = st.dictionaries(NAMES, st.tuples(CONTENTS, st.booleans()), max_size=6)


def write_tree(root: Path, wanted: dict[str, tuple[bytes, bool]]) -> None:
    for name in tree(root):
        (root / name).unlink()
    for name, (content, executable) in wanted.items():
        put(root, {name: content})
        (root / name).chmod(0o755 if executable else 0o644)


@given(committed=TREES, staged=TREES, now=TREES)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_commit_and_patch_and_archive_are_every_byte_of_the_working_tree(
    committed: dict[str, tuple[bytes, bool]],
    staged: dict[str, tuple[bytes, bool]],
    now: dict[str, tuple[bytes, bool]],
    tmp_path_factory: pytest.TempPathFactory,
    git_alone: None,
) -> None:
    repo = tmp_path_factory.mktemp("any") / "repo"
    new(repo, {"README": "r"})
    write_tree(repo, committed)
    run_git(repo, "commit", "--quiet", "--allow-empty", "--message", "x")
    commit(repo, {"README": "s"})
    write_tree(repo, staged)
    run_git(repo, "add", "--all")
    write_tree(repo, now)
    captured = capture(repo)
    assert captured.notices == []
    assert_put_back(repo, captured)


def test_what_git_converts_is_put_back_as_it_was(repo: Path) -> None:
    """Line ends, and what a filter strips, as nbstripout does."""
    commit(repo, {".gitattributes": "*.txt text eol=crlf\n*.ipynb filter=strip\n", "a.txt": "1\r\n", "b.ipynb": "1\n"})
    run_git(repo, "config", "filter.strip.clean", "sed s/output//")
    put(repo, {"a.txt": f"2\r\nKEY='{TOKEN}'\r\n", "b.ipynb": "2 output\n", "c.txt": "3\r\n"})
    run_git(repo, "add", "c.txt")
    captured = capture(repo)
    put(repo, {"a.txt": "2\r\nKEY='[redacted]'\r\n"})
    assert_put_back(repo, captured)


def test_a_repository_may_use_sha256(tmp_path: Path, git_alone: None) -> None:
    repo = tmp_path / "sha256"
    repo.mkdir()
    run_git(repo, "init", "--quiet", "--object-format=sha256")
    commit(repo, {"train.py": f"KEY = '{TOKEN}'\n", "gone.bin": BINARY * 200})
    put(repo, {"train.py": f"KEY = '{TOKEN}'\nmore\n", "new.bin": BINARY})
    (repo / "gone.bin").unlink()
    captured = capture(repo)
    assert len(captured.values["commit"]) == 64
    put(repo, {"train.py": "KEY = '[redacted]'\nmore\n"})
    assert_put_back(repo, captured)


# Secrets


SECRET_LINES = st.lists(
    st.sampled_from([b"a\n", b"b\r\n", f"KEY = '{TOKEN}'\n".encode(), b"", b"caf\xe9\n"]), max_size=8
)
SECRET_TREES = st.dictionaries(
    st.sampled_from(["a.py", "b.py", "un/c.py"]), SECRET_LINES.map(b"".join).map(lambda text: (text, False))
)


@given(committed=SECRET_TREES, now=SECRET_TREES)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wherever_secrets_are_none_is_kept_and_the_rest_is_put_back(
    committed: dict[str, tuple[bytes, bool]],
    now: dict[str, tuple[bytes, bool]],
    tmp_path_factory: pytest.TempPathFactory,
    git_alone: None,
) -> None:
    repo = tmp_path_factory.mktemp("any") / "repo"
    new(repo, {"README": "r"})
    write_tree(repo, committed)
    commit(repo, {"README": "s"})
    write_tree(repo, now)
    captured = capture(repo)
    assert TOKEN.encode() not in captured.everything()
    expected = {
        name: content if committed.get(name) == (content, False) else content.replace(TOKEN.encode(), b"[redacted]")
        for name, (content, _) in now.items()
    }
    assert {name: content for name, (_, content) in tree(put_back(repo, captured)).items()} == expected


def test_tracked_secrets_are_kept_out_of_the_patch_and_deleted_ones_are_said_to_be(repo: Path) -> None:
    commit(repo, {".env": "A=hunter2xyz\n", "old.pem": "hunter2xyz\n", "model.py": "x\n"})
    put(repo, {".env": "A=hunter2xyz2\n", "model.py": "y\n"})
    (repo / "old.pem").unlink()
    captured = capture(repo)
    assert captured.values["left_out"] == {".env": "may be a secret, by its name"}
    assert b"hunter2xyz" not in captured.everything()
    back = tree(put_back(repo, captured))
    assert "old.pem" not in back
    assert back["model.py"] == ("file", b"y\n")


def test_secrets_in_new_lines_are_replaced_and_the_patch_still_applies(repo: Path) -> None:
    content = (repo / "model.py").read_text()
    put(
        repo,
        {
            "model.py": f'{content}KEY = "{TOKEN}"\r\nlast = 1',
            "note.txt": f"caf\udce9 {TOKEN}".encode(errors="surrogateescape"),
        },
    )
    captured = capture(repo)
    assert TOKEN.encode() not in captured.everything()
    assert captured.notices == ["kept without the secrets in them: model.py, note.txt"]
    back = tree(put_back(repo, captured))
    assert back["model.py"] == ("file", f'{content}KEY = "[redacted]"\r\nlast = 1'.encode())
    assert back["note.txt"] == ("file", b"caf\xe9 [redacted]")
    assert b'+KEY = "[redacted]"' in captured.patch


def test_secrets_in_lines_that_were_committed_are_not_kept_either_and_the_patch_still_applies(repo: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + f"{'Ab1' * 20}\n" * 9 + "-----END PRIVATE KEY-----\n"
    commit(repo, {"context.py": f"a\nKEY = '{TOKEN}'\nb\n", "removed.py": f"KEY = '{TOKEN}'\n" * 3, "key.txt": key,
                  "gone.py": f"KEY = '{TOKEN}'\n"})  # fmt: skip
    put(repo, {"context.py": f"a\nKEY = '{TOKEN}'\nc\n", "removed.py": "none\n", "fine.py": "f\n"})
    put(repo, {"key.txt": key.replace(f"{'Ab1' * 20}\n" * 9, f"{'Ab1' * 20}\n" * 4 + f"{'Cd2' * 20}\n" * 5)})
    (repo / "gone.py").unlink()
    captured = capture(repo)
    assert not any(word in captured.everything() for word in (TOKEN.encode(), b"Ab1Ab1", b"Cd2Cd2"))
    assert len(captured.notices) == 1
    back = tree(put_back(repo, captured))
    assert back["context.py"] == ("file", b"a\nKEY = '[redacted]'\nc\n")
    assert back["removed.py"] == ("file", b"none\n")
    assert back["key.txt"] == ("file", b"[redacted]\n")
    assert back["fine.py"] == ("file", b"f\n")
    assert "gone.py" not in back


def test_secrets_of_the_environment_are_found_everywhere(repo: Path) -> None:
    secret = "correct-Horse-battery-9"
    commit(repo, {".gitattributes": "*.lock binary\n", "x.lock": "x"})
    put(
        repo,
        {
            "model.py": f"def f(): # {secret}\n" + "    x = 1\n" * 30,
            "x.lock": f"x {secret}",
            "n.txt": secret,
            ".env": secret,
        },
    )
    run_git(repo, "remote", "add", "origin", f"https://host/{secret}")
    (repo / "link").symlink_to(secret)
    captured = capture(repo, redactor=Redactor({"DB_PASSWORD": secret}))
    assert secret.encode() not in captured.everything()
    back = put_back(repo, captured)
    assert (back / "x.lock").read_text() == "x [redacted]"
    assert str((back / "link").readlink()) == "[redacted]"


def test_the_function_named_above_a_change_shows_no_secret(repo: Path) -> None:
    lines = "".join(f"    x{number} = 1\n" for number in range(30))
    commit(repo, {"model.py": f"def f(a='{TOKEN}'):\n{lines}"})
    put(repo, {"model.py": f"def f(a='{TOKEN}'):\n{lines}    y = 1\n"})
    captured = capture(repo)
    assert TOKEN.encode() not in captured.everything()
    assert b"y = 1" in captured.patch


def test_ordinary_code_is_not_touched(repo: Path) -> None:
    source = Path(ast.__file__).read_text()
    put(repo, {"model.py": source, "copy.py": source})
    captured = capture(repo)
    assert captured.notices == []
    assert_put_back(repo, captured)


CODE = """\
import os

CONFIG = '''
user: ada
lr: 0.1
password: {}
'''


def login(token, user="ada"):
    print("token:", token)
    auth = (user, token)
    return auth
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_of_code_the_patch_keeps_all_but_secrets(repo: Path, ending: str) -> None:
    """Also where only lines in the middle of a text are changed."""
    before, after = CODE.format("${PW}"), CODE.format("hunter2xQ9").replace("0.1", "0.2")
    after = after.replace("    auth", "    cookies = jar\n    password = word\n    auth")
    commit(repo, {"login.py": before.replace("\n", ending).encode()})
    put(repo, {"login.py": after.replace("\n", ending).encode()})
    captured = capture(repo)
    assert captured.notices == ["kept without the secrets in them: login.py"]
    put(repo, {"login.py": after.replace("\n", ending).replace("hunter2xQ9", "[redacted]").encode()})
    assert_put_back(repo, captured)
    assert b"+password: [redacted]" in captured.patch


def test_of_code_whose_old_lines_hold_secrets_the_whole_file_is_given(repo: Path) -> None:
    commit(repo, {"login.py": CODE.format("hunter2xQ9")})
    put(repo, {"login.py": CODE.format("hunter3xQ9").replace("user, token", "token, user")})
    captured = capture(repo)
    assert b"hunter" not in captured.everything()
    put(repo, {"login.py": CODE.format("[redacted]").replace("user, token", "token, user")})
    assert_put_back(repo, captured)


def test_code_that_git_converts_is_taken_for_text(repo: Path) -> None:
    """What is compared is not what is there: as with the outputs of a notebook that a filter takes out."""
    commit(repo, {".gitattributes": "*.py filter=strip\n", "code.py": "a = 1\n"})
    run_git(repo, "config", "filter.strip.clean", "sed s/output//")
    put(repo, {"code.py": "a = 2\noutput\npassword = 'hunter2xQ9'\n"})
    captured = capture(repo)
    assert b"hunter2" not in captured.everything()
    assert b"+password = '[redacted]'" in captured.patch


def test_a_binary_file_with_a_secret_is_left_out_and_one_without_shows_nothing_of_what_it_was(repo: Path) -> None:
    commit(repo, {"now.bin": BINARY, "before.bin": BINARY + TOKEN.encode()})
    put(repo, {"now.bin": BINARY + TOKEN.encode(), "before.bin": BINARY[::-1]})
    captured = capture(repo)
    assert captured.values["left_out"] == {"now.bin": "there is a secret in it"}
    assert captured.patch.count(b"literal ") == 1
    put(repo, {"now.bin": BINARY})
    assert_put_back(repo, captured)


def test_a_text_in_utf_16_is_kept_without_its_secrets(repo: Path) -> None:
    commit(repo, {"old.txt": "a\n".encode("utf-16")})
    put(repo, {name: f"password: {TOKEN}\r\nb\n".encode("utf-16") for name in ("old.txt", "new.txt")})
    captured = capture(repo)
    put(repo, {name: "password: [redacted]\r\nb\n".encode("utf-16") for name in ("old.txt", "new.txt")})
    assert_put_back(repo, captured)
