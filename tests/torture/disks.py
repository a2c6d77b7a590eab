"""Disks that are full, can not be written to any more, are slow, or vanish, while a training is recorded."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from autotrack.readers import catalog
from tests.support.disks import SmallDisk
from tests.torture.acknowledged import Training, Tried, all_lost

_STEPS = 300
_COUNTED = re.compile(r"lost: at least (\d+) records? of main.jsonl")


def fill(disk: SmallDisk, times: int, **environ: str) -> Tried:
    """Fill the disk of the store in the middle of a training, and make room after its end."""
    lost = []
    for number in range(times):
        harm = f"""
        from pathlib import Path
        from tests.support.disks import SmallDisk
        def before(step):
            if step == {_STEPS * (number + 1) // (times + 1)}:
                SmallDisk(Path({str(disk.path)!r})).fill()
        """
        with Training(disk.path / "runs", _STEPS, harm=harm, **environ) as training:
            exit_code = training.wait()
        disk.make_room()
        lost.append(f"exit code {exit_code}" if exit_code else training.what_is_lost())
        shutil.rmtree(disk.path / "runs")
    return Tried("a disk that gets full", times, all_lost(lost))


def fill_every(disk: SmallDisk, times: int) -> Tried:
    """Fill the one disk that everything lies on: what is lost has to be counted in the run, once there is room."""
    others = {name: str(disk.path / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR")}
    lost = []
    for number in range(times):
        for place in others.values():
            Path(place).mkdir(exist_ok=True)
        harm = f"""
        from pathlib import Path
        from tests.support.disks import SmallDisk
        def before(step):
            if step == {_STEPS * (number + 1) // (times + 1)}:
                SmallDisk(Path({str(disk.path)!r})).fill()
        """
        with Training(disk.path / "runs", _STEPS, harm=harm, **others) as training:
            exit_code = training.wait()
        disk.make_room()
        training.what_is_lost()
        run = catalog.load(training.folder)
        missing = len({*training.acknowledged} - {point.step for point in run.history("loss")})
        counted = sum(int(count) for notice in run.notices for count in _COUNTED.findall(notice.message))
        said = "" if missing <= counted else f"{missing} steps are lost, {counted} records are said to be"
        lost.append(f"exit code {exit_code}" if exit_code else said)
        shutil.rmtree(disk.path / "runs")
    return Tried("every disk gets full: more lost than is said", times, all_lost(lost))


def forbid(folder: Path, times: int, **environ: str) -> Tried:
    """Make the journal immutable in the middle of a training, which refuses writes to files that are open."""
    harm = f"""
    import subprocess
    def before(step):
        if step == {_STEPS // 2}:
            subprocess.run(["chattr", "+i", run.folder / "journal" / "main.jsonl"], check=True)
    """
    lost = []
    for _ in range(times):
        with Training(folder / "forbidden", _STEPS, harm=harm, **environ) as training:
            exit_code = training.wait()
        subprocess.run(["chattr", "-i", training.folder / "journal" / "main.jsonl"], check=True)
        lost.append(f"exit code {exit_code}" if exit_code else training.what_is_lost())
    return Tried("a journal that becomes read-only", times, all_lost(lost))


def slow_down(folder: Path, times: int) -> Tried:
    """Let every tenth write take 50 ms, and only take a part of the line."""
    harm = """
    write, count = os.write, 0
    def slow(fd, content):
        global count
        count += 1
        if fd > 2 and count % 10 == 0:
            time.sleep(0.05)
            content = content[:max(len(content) // 2, 1)]
        return write(fd, content)
    os.write = slow
    """
    lost = []
    for _ in range(times):
        with Training(folder / "slow", _STEPS, harm=harm) as training:
            exit_code = training.wait()
        lost.append(f"exit code {exit_code}" if exit_code else training.what_is_lost())
    return Tried("a disk that is slow and takes half lines", times, all_lost(lost))


def vanish(folder: Path, times: int) -> Tried:
    """Delete the folder of the run, again and again: what was logged since the last time has to be there."""
    harm = """
    import shutil
    def before(step):
        if step in (100, 600):
            shutil.rmtree(run.folder)
        if step in (101, 601):
            time.sleep(1.1)  # a vanished folder is noticed within a second
    """
    lost = []
    for _ in range(times):
        with Training(folder / "vanished", 2 * _STEPS + 100, harm=harm) as training:
            exit_code = training.wait()
        training.acknowledged = [step for step in training.acknowledged if step > 601]
        lost.append(f"exit code {exit_code}" if exit_code else training.what_is_lost())
    return Tried("a folder that vanishes", times, all_lost(lost))


def can_forbid(folder: Path) -> bool:
    """Return whether this user may make a file immutable here."""
    probe = folder / "probe"
    probe.touch()
    done = subprocess.run(["chattr", "+i", probe], capture_output=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        return False
    subprocess.run(["chattr", "-i", probe], check=True)
    return True
