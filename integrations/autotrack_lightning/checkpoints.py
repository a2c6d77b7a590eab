"""Keeps the best and the last checkpoint of every ModelCheckpoint in the run folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autotrack
from autotrack.integrations import RunFiles


@dataclass
class _Kept:
    source: Path
    stamp: tuple[int, int]
    roles: list[str]


class CheckpointKeeper:
    """Follows the public attributes of the trainer's checkpoint callbacks; `sync` costs little when nothing changed.

    Files are hard-linked where the file system allows it, so they cost no space and no time, and stay when
    ModelCheckpoint deletes its own name for them. What is neither best nor last any more goes as soon as
    ModelCheckpoint has deleted it.
    """

    def __init__(self, run: autotrack.Run) -> None:
        self._files = RunFiles(run)
        self._named: list[tuple[str, str, Any]] = []
        self._kept: dict[Path, _Kept] = {}
        if (run.folder / "checkpoints").exists():  # a resumed run, whose earlier checkpoints may have to go
            for artifact in autotrack.load(run.folder).artifacts:
                if artifact.kind == "checkpoint" and artifact.source:
                    self._kept[run.folder / artifact.path] = _Kept(Path(artifact.source), (0, 0), artifact.roles)

    def sync(self, trainer: Any, *, thoroughly: bool = False) -> None:
        """Keep what is new. `thoroughly` checks the files even when the callbacks name the same ones."""
        callbacks = [callback for callback in trainer.checkpoint_callbacks if hasattr(callback, "best_model_path")]
        named = [
            (one.best_model_path, one.last_model_path, getattr(one, "_last_global_step_saved", 0)) for one in callbacks
        ]
        if named == self._named and not thoroughly:
            return
        self._named = named
        # The property `callback_metrics` would compute what is not computed yet, on this rank alone.
        latest = trainer._logger_connector._callback_metrics
        wanted: dict[Path, tuple[list[str], dict[str, Any]]] = {}
        for callback in callbacks:
            for role, path, score in (
                ("best", callback.best_model_path, callback.best_model_score),
                ("last", callback.last_model_path or _newest(callback), latest.get(callback.monitor)),
            ):
                if path and Path(path).exists():
                    roles, scores = wanted.setdefault(Path(path).absolute(), ([], {}))
                    roles.append(role)
                    if callback.monitor and score is not None:
                        scores.setdefault(callback.monitor, score)
        for source, (roles, scores) in wanted.items():
            self._keep(source, roles, scores, trainer)
        self._drop_deleted(set(wanted))

    def _keep(self, source: Path, roles: list[str], scores: dict[str, Any], trainer: Any) -> None:
        target = self._target(source)
        status = source.resolve().stat()
        stamp = (status.st_ino, status.st_mtime_ns)
        kept = self._kept.get(target)
        if kept and kept.stamp == stamp and kept.roles == roles:
            return
        if not kept or kept.stamp != stamp:
            self._files.keep(source, target, link=True)
        self._kept[target] = _Kept(source, stamp, roles)
        self._files.record(
            target,
            kind="checkpoint",
            roles=roles,
            metrics=scores,
            step=trainer.fit_loop.epoch_loop._batches_that_stepped,
            source=str(source),
        )

    def _drop_deleted(self, wanted: set[Path]) -> None:
        for target, kept in list(self._kept.items()):
            if kept.source in wanted:
                continue
            if not kept.source.exists() and self._others_are_kept(kept):
                self._files.remove(target, kind="checkpoint")
                del self._kept[target]
            elif kept.roles:
                kept.roles = []
                self._files.record(target, kind="checkpoint", source=str(kept.source))

    def _others_are_kept(self, kept: _Kept) -> bool:
        """Whether each of its roles has gone to another file; the best and the last stay whatever is deleted."""
        return all(
            any(role in other.roles for other in self._kept.values() if other is not kept) for role in kept.roles
        )

    def _target(self, source: Path) -> Path:
        kept_as = (target for target, kept in self._kept.items() if kept.source == source)
        return next(kept_as, None) or self._files.checkpoint_path(source, self._kept)


def _newest(callback: Any) -> str:
    """Return the checkpoint that was written last, which is the last one without `save_last`."""
    return str(getattr(callback, "_last_checkpoint_saved", ""))
