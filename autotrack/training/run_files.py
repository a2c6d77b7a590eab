"""The files that an integration keeps in a run folder: checkpoints, models, and what describes them."""

import shutil
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from autotrack.journal import files, records
from autotrack.model_format.kept import INPUTS
from autotrack.model_format.tensors_for_mlflow import NAME as LOADER
from autotrack.silence import without_warnings
from autotrack.training.file_budget import SHARE_OF_SPARE_COPIES, FileBudget
from autotrack.training.input_examples import files_of, rows_of
from autotrack.training.model_calls import ModelCalls, script_compiles
from autotrack.training.pickling import OverBudgetError, pickle_module
from autotrack.training.run import Run

CHECKPOINTS = "checkpoints"
MODEL = "model"
_MOST_BYTES = 2**24
_LEAST_ROOM = 3
"""So many times the size of a file have to be free: a copy must not take the room that the script is about to need."""

_MOST_RUNS = 100
"""Only the latest runs of an experiment are searched for a file."""


class RunFiles:
    """Keeps files in the folder of a run, and records them as artifacts.

    The `budget` says whether a file may be written; whoever writes one asks it before, and tells it how long it took.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.budget = FileBudget()
        self._spare_budget = FileBudget(SHARE_OF_SPARE_COPIES)

    def checkpoint_path(self, source: Path, taken: Container[Path], *, folder_name: str = CHECKPOINTS) -> Path:
        """Return where to keep a checkpoint: under its own name, with a number before it where that is `taken`."""
        folder = self._run.folder / folder_name
        path, number = folder / source.name, 2
        while path in taken or path.exists():
            path = folder / f"{number}-{source.name}"
            number += 1
        return path

    def keep(self, source: Path, path: Path, *, link: bool = False) -> None:
        """Copy a file or folder to `path`, replacing what is there in one step.

        With `link` it is hard-linked where the file system allows that: it costs no time and no space, but changes
        with its source where that is written over in place.
        """
        files.put_file(source, path, link=link)

    def copy_in_time(self, source: Path, path: Path, *, is_spare: bool = False) -> bool:
        """Copy a file or folder as `keep` does, if the budget allows it and the disk has ample room; False otherwise.

        A spare copy serves only if something goes wrong with the source. Such copies have a smaller budget of their
        own.
        """
        budget, size = self._spare_budget if is_spare else self.budget, self.size_bytes(source)
        if not budget.allows(size):
            return False
        began = perf_counter()
        try:
            if shutil.disk_usage(self._run.folder).free < _LEAST_ROOM * size:
                return False
            self.keep(source, path)
        except OSError as error:
            self._run.notice("files", f"{source.name} was not copied: {error.strerror}")
            return False
        finally:
            budget.spend(perf_counter() - began)
        return True

    def copy_for_other_runs(self, source: Path) -> None:
        """Before a file is written over in place, give the runs that have linked to it a copy of their own.

        A run that has ended has done so itself, unless it was killed or the file was too large. One that is too large
        goes, for a run must not hold anything else than it has recorded.
        """
        keeps = self.size_bytes(source) <= self.budget.MOST_BYTES
        for folder in (CHECKPOINTS, MODEL):
            for linked in self._run.folder.parent.glob(f"*/{folder}/*"):
                if linked != source and self.is_same(source, linked):
                    self.keep(source, linked) if keeps else self.discard(linked)

    @staticmethod
    def is_same(one: Path, two: Path) -> bool:
        """Whether two paths are one file, as links are, or two folders with such files; False if there are none."""
        try:
            if one.is_dir() and two.is_dir():
                inner = [path.relative_to(two) for path in two.rglob("*") if path.is_file()]
                return any(RunFiles.is_same(one / path, two / path) for path in inner)
            return one.samefile(two)
        except OSError:
            return False

    def write(self, path: Path, content: bytes) -> None:
        """Write a file, replacing what is there in one step."""
        files.write_atomically(path, content)

    @contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """Yield a path with the same suffix to write to, which becomes `path` in one step when the block ends.

        Warnings in the block are ignored: users who write such a file themselves get them then.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path, draft_name=f".part-{path.name}") as draft, without_warnings():
            yield draft

    def record(self, path: Path, *, kind: str, **about: Any) -> None:
        """Record a file in the run folder as an artifact; `about` are other fields of `Artifact`.

        They are `roles` (`best`, `last`), the `metrics` that it was saved for, its `step`, `epoch` and `source`.
        """
        self._run._record_artifact(path, kind=kind, **about)

    def record_model(self, folder: Path, *, files: Sequence[str], flavors: Mapping[str, Any], **about: Any) -> None:
        """Record that a folder in the run folder holds a model that others can load, too.

        Args:
            folder: Its folder. The sidecar adds there what a model of MLflow has.
            files: The names of the files in it that hold the model.
            flavors: How it is loaded, as in MLflow's `MLmodel`: `{"python_function": {"loader_module": …}, …}`.
            about: Other fields of `Model`: `described_in` names the JSON file with its inputs and outputs, `modules`
                what has to be imported for it, `step` and `epoch` tell how far it was trained.
        """
        self._run._record_model(folder, files=list(files), flavors=dict(flavors), **about)

    def keep_pickled_model(
        self,
        save: Callable[[Path, Any], None],
        *,
        size_bytes: int,
        flavors: Mapping[str, Any],
        name: str = "",
        calls: ModelCalls | None = None,
        **about: Any,
    ) -> None:
        """Have the trained model written to `model/data/model.pth`, at the end of a training, if the budget allows it.

        Args:
            save: Is called with a path, and with what stands for the module `pickle` there: see `pickling.py`.
            size_bytes: How large the weights are.
            flavors: As in `record_model`.
            name: Which one it is of several models of the run; each has a folder of its own in `model`.
            calls: What is known of its inputs and outputs.
            about: As in `record_model`.
        """
        if not self.budget.allows(size_bytes, at_end=True):
            self._run.notice("model", f"the model was not kept as a whole: it has {size_bytes / 1e6:.0f} MB")
            return
        path = self._run.folder / MODEL / name / "data" / "model.pth"
        began = perf_counter()
        try:
            with self.replacing(path) as draft:
                save(draft, pickle_module(most_bytes=_MOST_BYTES, most_tensor_bytes=self.budget.MOST_BYTES))
        except Exception as error:  # noqa: BLE001  pickling the user's objects may raise anything
            why = "it holds too much besides weights" if isinstance(error, OverBudgetError) else str(error)
            self._run.notice("model", f"the model was not kept as a whole: {why:.500}")
            return
        finally:
            self.budget.spend(perf_counter() - began)
        folder, names = path.parent.parent, ["data/model.pth", "data/pickle_module_info.txt"]
        self.write(folder / names[1], b"pickle")
        if calls is not None and calls.is_known:
            self._describe_calls(folder, calls)
            names.append(INPUTS)
            about["described_in"] = INPUTS
            if not calls.are_single_tensors and "python_function" in flavors:
                flavors = {**flavors, "python_function": {**flavors["python_function"], "loader_module": LOADER}}
        for file in names:
            self.record(folder / file, kind="model", step=about.get("step"))
        example = self.keep_example(folder, calls.rows() if calls is not None else None)
        self.record_model(folder, files=names, flavors=flavors, example=example, **about)

    def _describe_calls(self, folder: Path, calls: ModelCalls) -> None:
        self.write(folder / INPUTS, msgspec.json.format(msgspec.json.encode(calls.described()), indent=1))

    def redacted(self, value: Any) -> Any:
        """Return plain data without the secrets in it."""
        return self._run._redactor.redactor.redact(value)[0]

    @property
    def keeps_examples(self) -> bool:
        """Whether a few rows of what a model is trained with are kept beside it."""
        settings = self._run._settings
        return settings is not None and settings.input_examples and not self._run.is_one_of_many

    def rows_of(self, data: Any) -> Any:
        """Return copies of the first rows of data, for `keep_example`; None if none are to be kept, or it is large."""
        return rows_of(data) if self.keeps_examples else None

    def keep_example(self, folder: Path, rows: Any) -> dict[str, str]:
        """Write rows as the example of an input of the model in a folder; return what `record_model` takes of it."""
        made = None if rows is None else files_of(rows, self._run._redactor.redactor)
        if made is None:
            return {}
        for name, content in made[0].items():
            self.write(folder / name, content)
            self.record(folder / name, kind="model")
        return made[1]

    def calls_of(self, module: Any) -> ModelCalls:
        """Return what learns the inputs and outputs of a module from calls of it."""
        return ModelCalls(module, keeps_rows=self.keeps_examples)

    @staticmethod
    def script_compiles() -> None:
        """Learn nothing from calls any longer, before the script has something compiled by `torch.compile`."""
        script_compiles()

    def discard(self, path: Path) -> None:
        """Remove a file or folder, in whose place another one is about to be kept."""
        files.remove(path)

    def remove(self, path: Path, *, kind: str) -> None:
        """Remove a file or folder that was kept, and record that it is gone."""
        files.remove(path)
        self._run._record_artifact(path, kind=kind, removed=True)

    def size_bytes(self, path: Path) -> int:
        """Return how many bytes a file or folder has."""
        return files.size_bytes(path)

    @classmethod
    def run_id_holding(cls, path: Path, stamps: Container[tuple[int, int]], experiment: Path) -> str | None:
        """Return the id of the latest run of an experiment that holds this file or folder, or None.

        `stamps` are the sizes and times of change of its files when they were read, for it may have changed since.
        What was kept as a copy has them too.
        """
        if (around := cls.run_id_around(path)) is not None:
            return around
        folders = sorted(experiment.iterdir(), reverse=True) if experiment.is_dir() else []
        for folder in folders[:_MOST_RUNS]:
            for kept in (*folder.glob(f"{CHECKPOINTS}/**/*"), *folder.glob(f"{MODEL}/*")):
                status = kept.stat()
                if kept.is_file() and (status.st_size, status.st_mtime_ns) in stamps:
                    return cls.run_id_around(kept)
        return None

    @staticmethod
    def run_id_around(path: Path) -> str | None:
        """Return the id of the run in whose folder a file lies, or None."""
        journals = (folder / "journal" / "main.jsonl" for folder in path.parents)
        journal = next((candidate for candidate in journals if candidate.is_file()), None)
        if journal is None:
            return None
        with journal.open("rb") as lines:
            try:
                first = records.decode(lines.readline(_MOST_BYTES))
            except msgspec.DecodeError:  # the process was killed before it had written a whole record
                return None
        return first.id if isinstance(first, records.RunStarted) else None

    def trials_of_workers(self) -> list[records.Trial]:
        """Return the trials that worker processes have recorded in journals of their own: see `attach_run`."""
        from autotrack.journal.reader import JournalReader  # only for searches whose tasks ran in other processes

        trials = []
        for path in (self._run.folder / "journal").glob("main-*.jsonl"):
            reader = JournalReader(path)
            while batch := reader.read():
                trials += [record for record in batch if isinstance(record, records.Trial)]
        return trials
