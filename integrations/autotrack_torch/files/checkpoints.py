"""Keeps the best and the last of what a script saves while it trains.

A file is hard-linked, which costs no time and no space, and stays when the script deletes its own name for it. But
PyTorch writes over a file in place, and a link would change with it. So before the script saves to the same path
again, the link becomes a copy if it is still needed, or if it is all that is left should saving fail, and the budget
allows it; it goes otherwise. What is linked when the training ends becomes a copy too.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import autotrack
from autotrack.integrations import RunFiles, attempt, direction_of
from autotrack_torch.files.improvements import Improvement
from autotrack_torch.files.renames import new_name
from autotrack_torch.files.saved_objects import Kind

FOLDERS: Mapping[Kind, str] = {"checkpoint": "checkpoints", "model": "model", "output": "artifacts"}
MOST_OUTPUT_BYTES = 1_000_000
"""What is neither weights nor a model is kept if it is no larger."""

_MOST_FILES = 100
"""So many files are kept of those that one line of the script saves in one step."""


@dataclass(frozen=True, kw_only=True)
class Save:
    """What is known about a file that is being saved: what it is, where in the script and when in the training."""

    kind: Kind
    place: Hashable
    step: int | None
    epoch: int | None
    improvement: Improvement | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def moment(self) -> tuple[int | None, int | None]:
        """When it was saved: files saved in one step belong together."""
        return self.step, self.epoch


@dataclass
class _Kept:
    source: Path
    save: Save
    stamp: tuple[int, ...]
    roles: list[str] = field(default_factory=list)
    is_spare: bool = False
    """Whether it is a copy that was made only in case writing over its source fails."""


class SavedFiles:
    """Keeps the files of one run: of each line of the script that saves, the best and the last."""

    def __init__(self, run: autotrack.Run) -> None:
        self.run = run
        self._files = RunFiles(run)
        self._kept: dict[Path, _Kept] = {}
        self._best: dict[Hashable, Save] = {}  # by the place that saves

    def will_save(self, source: Path, save: Save) -> None:
        """Let go of a file that is about to be written over."""
        source = source.resolve()
        self._follow_renames()
        of_source = {target: kept for target, kept in self._kept.items() if kept.source == source}
        for target, kept in of_source.items():
            if not RunFiles.is_same(source, target):
                continue
            is_needed = self._is_worth_a_copy(kept, save)
            kept.is_spare = not is_needed and len(of_source) == 1 and kept.save.kind != "output"
            is_to_copy = is_needed or kept.is_spare
            if not (is_to_copy and self._files.copy_in_time(source, target, is_spare=kept.is_spare)):
                self._files.discard(target)
        if source.is_file() and source.stat().st_nlink > 1:  # linked by an earlier run that was killed
            self._files.copy_for_other_runs(source)

    def saved(self, source: Path, save: Save) -> None:
        """Keep a file that has been written, and drop what it makes superfluous."""
        source = source.resolve()
        if not source.exists() or source.is_relative_to(self.run.folder.resolve()):
            return
        if save.kind == "output" and self._files.size_bytes(source) > MOST_OUTPUT_BYTES:
            return
        if sum(one.save.place == save.place and one.save.moment == save.moment for one in self._kept.values()) >= (
            _MOST_FILES
        ):
            self.run.notice("torch files", f"no more than {_MOST_FILES} files of one step are kept")
            return
        if self._is_best(save):
            self._best[save.place] = save
        replaced = [target for target, kept in self._kept.items() if self._is_replaced(target, kept, source, save)]
        target = next((one for one in replaced if self._kept[one].source == source), None)
        target = target or self._target(source, save)
        self._files.keep(source, target, link=True)
        self._kept[target] = _Kept(source, save, _stamp(source))
        for one in replaced:
            if one != target:
                self._drop(one)
        self._update(target)

    def best_at(self, source: Path) -> dict[str, Any] | None:
        """Return when the weights that a file holds were saved, and for which metrics, if they are the best ones."""
        source = source.resolve()
        for kept in self._kept.values():
            if kept.source == source and "best" in kept.roles and _stamp(source) == kept.stamp:
                numbers = {name: float(value) for name, value in _metrics_of(kept.save).items()}
                return {"step": kept.save.step, "epoch": kept.save.epoch, "metrics": numbers}
        return None

    def failed(self, source: Path, error: BaseException) -> None:
        """Note that a file was not written after all. What it held before is kept if it still holds that."""
        source = source.resolve()
        for target, kept in [(one, kept) for one, kept in self._kept.items() if kept.source == source]:
            is_untouched = source.exists() and _stamp(source) == kept.stamp
            if is_untouched and not target.exists():
                self._files.keep(source, target, link=True)
            if is_untouched:
                continue
            is_kept = target.exists()
            if not is_kept:
                self._drop(target)
            self.run.notice(
                "torch checkpoints",
                f"saving {source.name} failed ({type(error).__name__}), and what the file held from step "
                f"{kept.save.step} {'is kept in the run' if is_kept else 'was lost with that'}",
            )

    def finish(self) -> None:
        """Make the files independent of those that they are linked to, as far as the budget allows."""
        self._follow_renames()
        left = self._files.budget.MOST_BYTES
        for target, kept in list(self._kept.items()):
            with attempt("torch checkpoints", run=self.run):
                if not RunFiles.is_same(kept.source, target):
                    continue
                if _stamp(target) != kept.stamp:  # somebody else wrote into it: it is not what was recorded
                    self._drop(target)
                elif (left := left - self._files.size_bytes(target)) >= 0:
                    self._files.keep(kept.source, target)

    def _follow_renames(self) -> None:
        """Give files the names that the script has given to them since they were saved."""
        for target, kept in list(self._kept.items()):
            if kept.source.exists() or not target.exists() or (name := new_name(kept.source, target)) is None:
                continue
            now = replace(kept, source=name)
            if name.name == kept.source.name:  # its folder was renamed
                self._kept[target] = now
                continue
            self._drop_if_replaced(name)
            renamed = self._target(name, kept.save)
            self._files.keep(name, renamed, link=True)
            self._drop(target)
            self._kept[renamed] = now
            self._record(renamed, now)

    def _drop_if_replaced(self, name: Path) -> None:
        """Let go of what had this name before, unless it is needed as the best."""
        for target, kept in list(self._kept.items()):
            if kept.source == name and "best" not in kept.roles:
                self._drop(target)

    def _target(self, source: Path, save: Save) -> Path:
        return self._files.checkpoint_path(source, self._kept, folder_name=FOLDERS[save.kind])

    def _is_best(self, save: Save) -> bool:
        if save.improvement is not None:
            return True
        best, scored = self._best.get(save.place), _score(save)
        if scored is None:
            return False
        if best is None or best.moment == save.moment:
            return True
        before = dict([pair] if (pair := _score(best)) else []).get(scored[0])
        return before is None or (scored[1] < before if direction_of(scored[0]) == "min" else scored[1] > before)

    def _is_worth_a_copy(self, kept: _Kept, save: Save) -> bool:
        """Whether a file is the best, and what will be saved in its place is not known to be better."""
        return "best" in kept.roles and not (save.place == kept.save.place and self._is_best(save))

    def _is_replaced(self, target: Path, kept: _Kept, source: Path, newest: Save) -> bool:
        """Whether a file is gone, or no longer needed now that the `newest` one was written to `source`."""
        if not target.exists():
            return True
        if kept.is_spare and kept.source == source:
            return self._best.get(kept.save.place) is not kept.save
        return kept.save.place == newest.place and not self._roles_of(kept, newest)

    def _roles_of(self, kept: _Kept, newest: Save) -> list[str]:
        best = self._best.get(kept.save.place)
        is_best = best is not None and best.moment == kept.save.moment
        is_last = kept.save.moment == newest.moment
        return [role for role, holds in (("best", is_best), ("last", is_last)) if holds]

    def _update(self, new: Path) -> None:
        """Say what each file is now, after the `new` one was saved."""
        newest = self._kept[new].save
        for target, kept in self._kept.items():
            roles = self._roles_of(kept, newest) if kept.save.kind != "output" else []
            if target == new or roles != kept.roles:
                kept.roles = roles
                self._record(target, kept)

    def _record(self, target: Path, kept: _Kept) -> None:
        save = kept.save
        self._files.record(
            target,
            kind=save.kind,
            roles=kept.roles,
            metrics=_metrics_of(save),
            step=save.step,
            epoch=save.epoch,
            source=str(kept.source),
        )

    def _drop(self, target: Path) -> None:
        kind = self._kept.pop(target).save.kind
        self._files.remove(target, kind=kind)


def _metrics_of(save: Save) -> dict[str, Any]:
    if save.improvement is not None and save.improvement.value is not None:
        return {save.improvement.metric: save.improvement.value, **save.metrics}
    return dict(save.metrics)


def _score(save: Save) -> tuple[str, Any] | None:
    """Return the number in a checkpoint that tells how good it is, an evaluation before others, if there is one."""
    known = [name for name in save.metrics if direction_of(name) and isinstance(save.metrics[name], (int, float))]
    known = [name for name in known if "best" not in name.lower()]
    known.sort(key=lambda name: not name.lower().startswith(("val", "test", "eval")))
    return (known[0], save.metrics[known[0]]) if known else None


def _stamp(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
