"""Keeps the best and the last of what ModelCheckpoint and BackupAndRestore write.

A file that Keras wrote is hard-linked, which costs nothing. Keras writes over a file in place, and a link would
change with it. So a link is removed before Keras writes that file again, and becomes a copy when the training ends.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import autotrack
from autotrack.integrations import RunFiles, attempt, direction_of
from autotrack_keras.params import direction_of as direction_of_callback


@dataclass
class _Kept:
    source: Path
    group: str
    metric: str
    score: float | None
    order: int
    roles: list[str] = field(default_factory=list)


class CheckpointKeeper:
    """Keeps the best and the last of what each callback saves during a fit.

    What is saved by other code than ModelCheckpoint and BackupAndRestore is kept the same way. `new` is what was saved
    and is not kept yet.
    """

    def __init__(self, run: autotrack.Run, model: Any, callbacks: Iterable[Any]) -> None:
        self._files = RunFiles(run)
        self._savers = [saver for saver in (_saver(callback, model) for callback in callbacks) if saver is not None]
        self._kept: dict[Path, _Kept] = {}
        self.new: list[Path] = []
        self._saves = 0

    @property
    def is_configured(self) -> bool:
        """Whether the user has callbacks that save checkpoints."""
        return bool(self._savers)

    def will_save(self, source: Path) -> None:
        """Remove the links to a file that is about to be overwritten."""
        source = source.absolute()
        self.new = [path for path in self.new if path != source]
        for target, kept in self._kept.items():
            if kept.source == source and RunFiles.is_same(source, target):
                target.unlink()
        if source.exists() and source.stat().st_nlink > 1:  # kept by an earlier run that was killed
            self._files.copy_for_other_runs(source)

    def saved(self, source: Path) -> None:
        """Note that a file was written; it is kept once the metrics that it was saved for are known."""
        self.new = [*self.new, source.absolute()]

    def take_over(self, logs: Mapping[str, Any], step: int | None) -> None:
        """Keep what was saved since, with the metrics of this moment."""
        while self.new:
            source = self.new.pop(0)
            if source.exists():
                with attempt("keras checkpoints"):
                    self._keep(source, logs, step)

    def finish(self) -> None:
        """Make the run's files independent of those that they are linked to, up to a number of bytes."""
        left = self._files.budget.MOST_BYTES
        for target, kept in self._kept.items():
            if (
                target.exists()
                and RunFiles.is_same(kept.source, target)
                and (left := left - self._files.size_bytes(target)) >= 0
            ):
                self._files.keep(kept.source, target)

    def _keep(self, source: Path, logs: Mapping[str, Any], step: int | None) -> None:
        saver = next((saver for saver in self._savers if saver.wrote(source)), _ANY_SAVER)
        metric = saver.monitor or ("val_loss" if "val_loss" in logs else "loss")
        score = logs.get(metric)
        target = self._target(source)
        self._files.keep(source, target, link=source.is_file())
        self._saves += 1
        score = score if isinstance(score, (int, float)) else None
        self._kept[target] = _Kept(source, saver.name, metric, score, self._saves)
        for path, roles in self._roles(saver).items():
            kept = self._kept[path]
            if path == target or kept.roles != roles:
                kept.roles = roles
                self._record(path, kept, step if path == target else None)
        self._drop(saver)

    def _roles(self, saver: "_Saver") -> dict[Path, list[str]]:
        ours = {path: kept for path, kept in self._kept.items() if kept.group == saver.name}
        last = max(ours, key=lambda path: ours[path].order)
        best = last if saver.only_best else None
        scored = {path: kept.score for path, kept in ours.items() if kept.score is not None}
        if best is None and scored and saver.direction:
            choose = min if saver.direction == "min" else max
            best = choose(scored, key=lambda path: scored[path])
        return {path: [role for role, one in (("best", best), ("last", last)) if one == path] for path in ours}

    def _record(self, target: Path, kept: _Kept, step: int | None) -> None:
        metrics = {kept.metric: kept.score} if kept.score is not None else {}
        self._files.record(
            target, kind="checkpoint", roles=kept.roles, metrics=metrics, step=step, source=str(kept.source)
        )

    def _drop(self, saver: "_Saver") -> None:
        for target, kept in list(self._kept.items()):
            if kept.group == saver.name and not kept.roles:
                self._files.remove(target, kind="checkpoint")
                del self._kept[target]

    def _target(self, source: Path) -> Path:
        kept_as = (target for target, kept in self._kept.items() if kept.source == source)
        return next(kept_as, None) or self._files.checkpoint_path(source, self._kept)


@dataclass(frozen=True)
class _Saver:
    """A callback that writes checkpoints: the pattern of its paths, and the metric that the best is chosen by."""

    name: str
    pattern: str
    monitor: str | None = None
    direction: str | None = None
    only_best: bool = False

    def wrote(self, path: Path) -> bool:
        return re.fullmatch(self.pattern, str(path)) is not None


_ANY_SAVER = _Saver("", ".*")


def _saver(callback: Any, model: Any) -> _Saver | None:
    directory, path = getattr(callback, "backup_dir", None), getattr(callback, "filepath", None)
    if directory is not None:
        return _Saver(f"backup {directory}", re.escape(str(Path(directory).absolute())) + ".*")
    if path is None or not hasattr(callback, "save_best_only"):
        return None
    monitor = callback.monitor
    return _Saver(
        name=str(path),
        pattern=_pattern(str(Path(path).absolute())),
        monitor=monitor,
        direction=direction_of_callback(callback, model) or direction_of(monitor),
        only_best=callback.save_best_only,
    )


def _pattern(template: str) -> str:
    """Turn a template as `{epoch:02d}-{val_loss:.2f}.keras` into an expression that its paths match."""
    return ".+?".join(re.escape(part) for part in re.split(r"\{[^{}]*\}", template))
