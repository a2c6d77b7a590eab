"""The archive holds what git neither tracks nor ignores: no secret, nothing large, no run."""

import os
from pathlib import Path
from time import monotonic

import msgspec

import autotrack
from autotrack.redaction import Redactor
from autotrack.sidecar.capture.keeping import Keeper
from autotrack.sidecar.capture.untracked import archive
from tests.support.repositories import BINARY, assert_put_back, capture, commit, put, put_back, run_git, tree


def test_untracked_files_are_put_back_and_ignored_ones_are_not(repo: Path) -> None:
    commit(repo, {".gitignore": "*.ckpt\ndata/\n"})
    put(repo, {"notes.md": "n\n", "src/deep/new.py": "x = 1\n", "a.bin": BINARY, "x.ckpt": "x", "data/d.csv": "d"})
    (repo / "src" / "tool").write_text("#!/bin/sh\n")
    (repo / "src" / "tool").chmod(0o755)
    captured = capture(repo)
    assert not captured.values["dirty"]
    assert captured.archived == ["a.bin", "notes.md", "src/deep/new.py", "src/tool"]
    assert sorted(captured.values["untracked"]) == captured.archived
    back = put_back(repo, captured)
    assert tree(back) == {name: kept for name, kept in tree(repo).items() if name not in ("x.ckpt", "data/d.csv")}


def test_what_is_no_longer_tracked_is_kept_as_untracked(repo: Path) -> None:
    run_git(repo, "rm", "--quiet", "--cached", "model.py")
    captured = capture(repo)
    assert captured.archived == ["model.py"]
    assert_put_back(repo, captured)


def test_links_stay_links_and_are_never_followed(repo: Path) -> None:
    put(repo.parent, {"outside/secret.txt": "not of this repository"})
    (repo / "dangling").symlink_to("nowhere")
    (repo / "folder").symlink_to(repo.parent / "outside")
    (repo / "model.py").unlink()
    (repo / "model.py").symlink_to("train.py")
    captured = capture(repo)
    assert captured.archived == ["dangling", "folder"]
    assert b"not of this repository" not in captured.everything()
    assert_put_back(repo, captured)


def test_a_pipe_or_an_unreadable_file_stops_nothing(repo: Path) -> None:
    os.mkfifo(repo / "pipe")
    put(repo, {"new.py": "n"})
    assert capture(repo).archived == ["new.py"]


# What is left out


def test_secrets_by_name_are_named_and_never_kept(repo: Path) -> None:
    secret = [
        *(
            ".env",
            ".env.local",
            "conf/prod.env",
            "server.pem",
            "tls.key",
            "id_rsa",
            "id_ed25519_work",
            "c.p12",
            "c.pfx",
        ),
        *(".netrc", ".pgpass", ".npmrc", ".pypirc", "credentials", "credentials.json", "db.kdbx", ".aws/config"),
        *("my-service-account.json", ".ssh/known_hosts", ".kube/config", ".htpasswd", "Secrets.toml"),
    ]
    harmless = [".env.example", "keys.py", "tokenizer.json", "environment.yml", "secret_santa.py", "key.txt"]
    put(repo, dict.fromkeys(secret, "hunter2xyz\n") | dict.fromkeys(harmless, "nothing\n"))
    captured = capture(repo)
    assert captured.archived == sorted(harmless)
    assert captured.values["left_out"] == dict.fromkeys(secret, "may be a secret, by its name")
    assert captured.notices[0].startswith("not kept: ")
    assert b"hunter2xyz" not in captured.everything()


def test_large_files_are_named_and_not_kept(repo: Path) -> None:
    large = b"x" * 1_000_001
    commit(repo, {"tracked.csv": "small", "shrunk.csv": large, "gone.csv": large})
    put(repo, {"tracked.csv": large, "shrunk.csv": "small", "new.csv": large, "just.csv": large[1:]})
    (repo / "gone.csv").unlink()
    captured = capture(repo)
    assert captured.values["left_out"] == dict.fromkeys(["shrunk.csv", "tracked.csv", "new.csv"], "over 1 MB")
    assert captured.archived == ["just.csv"]
    assert len(captured.patch) < 1000
    assert "gone.csv" not in tree(put_back(repo, captured))


def test_within_the_budget_source_code_comes_first(repo: Path) -> None:
    put(repo, {f"img/{number:03}.png": BINARY for number in range(10)})
    put(repo, {"zz.py": "z" * 5000, "helper.dat": "h" * 9000})
    captured = capture(repo, budget_bytes=25_000, modules=[repo / "helper.dat"])
    assert captured.archived == ["helper.dat", "img/000.png", "zz.py"]
    left_out = [f"img/{number:03}.png" for number in range(1, 10)]
    assert captured.values["left_out"] == dict.fromkeys(left_out, "beyond the limit for a run")
    assert captured.notices == [f"not kept: {', '.join(left_out)} (beyond the limit for a run)"]


def test_the_patch_is_bounded_as_well_and_that_by_what_differs(repo: Path) -> None:
    commit(repo, {"one.py": "1" * 5000, "two.py": "line\n" * 100_000 + "last\n"})
    put(repo, {"one.py": "2" * 5000, "two.py": "line\n" * 100_000 + "other\n"})
    captured = capture(repo, budget_bytes=8_000)
    assert captured.values["left_out"] == {"one.py": "beyond the limit for a run"}
    assert b"+other" in captured.patch


def test_runs_are_left_out_and_not_mentioned(repo: Path) -> None:
    put(repo, {"runs/e/old/journal/main.jsonl": "{}", "runs/e/old/output.log": "o", "runs/e/index": "i", "new.py": "n",
               "elsewhere/one/journal/rank1.jsonl": "{}", "elsewhere/one/events": "x"})  # fmt: skip
    captured = capture(repo, repo / "runs" / "e" / "now")
    assert captured.archived == captured.values["untracked"] == ["new.py"]
    assert captured.values["left_out"] == {}


def test_code_beside_the_runs_is_kept(repo: Path) -> None:
    put(repo, {"pkg/old/journal/main.jsonl": "{}", "pkg/model.py": "m", "new.py": "n", "model.py": "changed\n"})
    captured = capture(repo, repo / "pkg" / "now", modules=[repo / "pkg" / "model.py"])
    assert captured.archived == ["new.py", "pkg/model.py"]
    assert captured.values["changed"] == ["model.py"]


def test_long_lists_are_cut_and_counted(repo: Path) -> None:
    put(repo, {f"many/{number}.txt": "" for number in range(250)})
    captured = capture(repo)
    assert len(captured.values["untracked"]) == 200
    assert captured.values["untracked_count"] == 250
    full = msgspec.json.decode((captured.run / "environment" / "git.json").read_bytes())
    assert len(full["untracked"]) == len(captured.archived) == 250


def test_a_file_that_is_removed_meanwhile_is_no_news(tmp_path: Path) -> None:
    """A checkpoint is removed for a better one while the repository is captured."""
    (tmp_path / "kept.py").write_text("x = 1\n")
    keeper = Keeper(Redactor({}), room=10**6, until=monotonic() + 60)
    archived = archive({name: tmp_path / name for name in ("kept.py", "epoch=3.ckpt")}, keeper)
    assert archived.content is not None
    assert (list(keeper.messages()), keeper.left_out) == ([], {})


def test_of_thousands_of_files_the_first_are_kept_and_code_comes_first(repo: Path, tmp_path: Path) -> None:
    names = [f"data/{number}.txt" for number in range(1500)]
    put(repo, {**dict.fromkeys(names, "some text"), "later.py": "x = 1\n" * 100})
    keeper = Keeper(Redactor({}), 10**9, monotonic() + 60)
    files = {name: repo / name for name in [*names, "later.py"]}
    before = archive(files, keeper)
    assert keeper.left_out == {"501 more untracked files": "beyond the first 1,000 files"}
    import tarfile

    assert before.content is not None
    packed = tmp_path / "packed.tar.gz"
    packed.write_bytes(before.content)
    with tarfile.open(packed) as tar:
        assert tar.getnames()[0] == "later.py"
        assert len(tar.getnames()) == 1000
    (repo / names[-1]).write_text("another text")
    assert archive(files, keeper).sha256 != before.sha256, "the checksum covers what was left out"


def test_reports_on_runs_are_no_part_of_the_project(repo: Path) -> None:
    with autotrack.start_run(to=repo.parent / "store"):
        pass
    autotrack.runs(repo.parent / "store").report(repo / "report.html")
    put(repo, {"page.html": "<!doctype html>\n<p>mine</p>\n"})
    assert capture(repo).values["untracked"] == ["page.html"]
