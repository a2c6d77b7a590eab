"""Whatever a script saves in which order, a run holds what it says that it holds."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import autotrack
from autotrack.training.file_budget import FileBudget
from autotrack_torch.files.checkpoints import Save, SavedFiles
from autotrack_torch.files.improvements import Improvement


class Scripted(FileBudget):
    """Allows all or nothing."""

    is_generous = False

    def allows(self, size_bytes: int, *, at_end: bool = False) -> bool:
        return self.is_generous


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["best", "same", "unique", "scored"]),
        st.integers(0, 4),  # how good it is
        st.booleans(),  # whether there is time for a copy
        st.sampled_from(["", "delete", "replace", "fail"]),  # what becomes of the file afterwards, or in the middle
    ),
    max_size=12,
)


@given(EVENTS)
@settings(max_examples=60)
def test_what_is_held_is_what_was_saved_then(events: list[tuple[str, int, bool, str]]) -> None:
    """The content of each file is the number of the step in which it was saved."""
    best_acc, scores = -1, dict[int, int]()
    with autotrack.start_run() as run:
        Path(run.id).mkdir()
        files = SavedFiles(run)
        budget = files._files.budget = files._files._spare_budget = Scripted()
        for step, (place, acc, is_generous, after) in enumerate(events):
            budget.is_generous = is_generous
            if place == "best" and acc <= best_acc:
                continue
            save = Save(kind="checkpoint", place=place, step=step, epoch=None)
            if place == "best":
                best_acc = acc
                save = Save(**{**vars(save), "improvement": Improvement("acc", acc, "max")})
            elif place == "scored":
                scores[step] = acc
                save = Save(**{**vars(save), "metrics": {"acc": acc}})
            path = Path(run.id) / (f"{step}.pt" if place == "unique" else f"{place}.pt")
            held_before = path.exists() and path in _sources(run)
            files.will_save(path, save)
            if after == "fail":
                path.write_text("half of it")
                files.failed(path, OSError("the disk is full"))
                scores.pop(step, None)
                assert path in _sources(run) or not (held_before and is_generous)
                _check(run, None, scores)
                continue
            path.write_text(str(step))
            files.saved(path, save)
            if after:
                path.unlink()
            if after == "replace":
                path.write_text("something else")
            _check(run, step, scores)
        files.finish()
        for path in Path(run.id).iterdir():
            path.write_text("another program")
        _check(run, None, scores)


def _sources(run: autotrack.Run) -> set[Path]:
    """Return what the checkpoints were saved as that the run holds."""
    held = [one for one in autotrack.load(run.folder).artifacts if one.kind == "checkpoint"]
    return {Path(str(one.source)).relative_to(Path.cwd()) for one in held}


def _check(run: autotrack.Run, step: int | None, scores: dict[int, int]) -> None:
    held = [one for one in autotrack.load(run.folder).artifacts if one.kind == "checkpoint"]
    assert {run.folder / one.path for one in held} == set((run.folder / "checkpoints").glob("[!.]*"))
    for one in held:
        assert (run.folder / one.path).read_text() == str(one.step)
        if step is not None:
            assert ("last" in one.roles) == (one.step == step)
        if "best" in one.roles and one.step in scores:
            assert one.metrics == {"acc": max(scores.values())}
