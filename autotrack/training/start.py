"""Starting a run, continuing one, and joining one as another rank."""

import os
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any
from uuid import uuid4

import msgspec

from autotrack import repeating
from autotrack.destinations import To
from autotrack.errors import JournalBusyError, SettingsError
from autotrack.journal import records
from autotrack.journal.directions import split_direction
from autotrack.journal.lines import lengths_of_others
from autotrack.redaction.record_redactor import redactor_of_this_process
from autotrack.settings import Settings
from autotrack.training import ranks, run_names, sidecar_client
from autotrack.training.defaults import resolve, store_of, with_defaults
from autotrack.training.entry_point import entry_point
from autotrack.training.hooks.current_run import enter
from autotrack.training.hooks.faults import attempt, report_fault
from autotrack.training.ignored_settings import say_ignored_settings
from autotrack.training.inherited import parent_run
from autotrack.training.run import Run, current_run, run_around_another
from autotrack.training.search_trial import search_trial
from autotrack.training.values import flatten
from autotrack.version import __version__

_calls_of_this_rank = count()
_PATIENCE_SECONDS = 5.0


def check_metric(chosen: Settings) -> None:
    """Raise `SettingsError` if nothing tells which way the metric gets better that runs are to be judged by."""
    name, direction = split_direction(chosen.metric)
    if name and direction is None:
        raise SettingsError(
            f"the setting 'metric' is {name!r}, whose name does not tell whether less or more is better; "
            f"write 'min {name}' or 'max {name}'",
            setting="metric",
            value=chosen.metric,
        )


def for_another_process(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options so that they mean the same in a process with another folder and no `autolog` of its own."""
    chosen = resolve(options)
    folder = str(_experiment_folder(chosen).parent)
    fixed = {"to": [folder, *chosen.destinations], "experiment": chosen.experiment, "tags": dict(chosen.tags)}
    return {**with_defaults(options), **fixed}


def start_run(
    name: str | None = None,
    *,
    experiment: str | None = None,
    tags: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    register: str | None = None,
    to: To | None = None,
    output: bool | None = None,
    printed_metrics: bool | None = None,
) -> Run:
    """Start a run; use it in a `with` block, or call `finish` yourself.

    A run started while another one is being recorded has that one as its parent. In a process that a launcher started
    as a rank other than 0, this joins the run of rank 0, and what that rank logs is kept apart.

    Args:
        name: The run's name; made up by default.
        experiment: Groups runs; the project's name by default.
        tags: Labels for the run.
        params: Hyperparameters, as `Run.log_params` takes them.
        register: The name under which the model of the run is registered, if the run finishes.
        to: The folder that keeps the runs, `runs` by default; `tensorboard`; the URL of a tracking server; or a list.
        output: Whether what is printed is kept in `output.log`; True by default.
        printed_metrics: Whether metrics are found in what is printed; True by default.

    What is not given comes from `autolog`, the environment, pyproject.toml and the defaults, in that order.

    Raises:
        SettingsError: A setting cannot be used, or the folder cannot be made.

    >>> import autotrack, tempfile
    >>> with autotrack.start_run("baseline", to=tempfile.mkdtemp()) as run:
    ...     run.log_params({"lr": 0.1})
    ...     for step in range(3):
    ...         run.log({"loss": 1 / (step + 1)}, step=step)
    >>> run.status
    'finished'
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"start_run was given {name!r:.100} as the name of a run; give it text, such as 'baseline'")
    flatten(params or {})  # what cannot be logged is said before there is a run
    options: dict[str, Any] = {
        "to": to,
        "experiment": experiment,
        "tags": tags,
        "register": register,
        "output": output,
        "printed_metrics": printed_metrics,
    }
    if current_run() is None and ranks.rank_from_environment():
        chosen = resolve(options)
        if joined := _join_rank_0(_experiment_folder(chosen)):
            return joined
    run = open_run(name, **options, started_by="user")
    if params:
        run.log_params(params)
    return run


def open_run(
    name: str | None = None,
    *,
    started_by: str,
    frameworks: Mapping[str, str] | None = None,
    resumed_from: str | None = None,
    group: str | None = None,
    kind: str | None = None,
    **options: Any,
) -> Run:
    """Start a run for a person or an integration; `options` are settings, as `start_run` takes them.

    `started_by` names the integration, or is "user". `frameworks` maps each framework to its version. `resumed_from`
    is the id of the run that this one continues. `group` is what the ranks of one distributed training have in common.
    `kind` is what such a run is called where many of them are counted, such as "fit of Ridge".
    """
    chosen = resolve(options)
    check_metric(chosen)
    if not chosen.quiet:
        say_ignored_settings()
    run_around_another()
    sidecar_client.start(chosen)
    name = name and redactor_of_this_process().redact_name(name)
    started = time()
    folder = run_names.make_folder(_experiment_folder(chosen), name, started)
    run = Run(folder, settings=chosen)
    run._begin(
        records.RunStarted(
            time=started,
            id=uuid4().hex,
            name=name or folder.name.split("-", 2)[2],
            experiment=chosen.experiment,
            parent=_parent_id(folder.parent),
            resumed_from=resumed_from,
            reproduces=repeated.run if (repeated := repeating.repetition()) is not None else None,
            frameworks=dict(frameworks or {}),
            started_by=started_by,
            group=group,
            destinations=chosen.written_down(),
            metric=chosen.metric,
            directions=dict(chosen.directions),
            **_process(),
        ),
        kind=kind,
    )
    if chosen.tags:
        run.log_tags(chosen.tags)
    if chosen.register:
        run.register_when_finished(chosen.register)
    with attempt("search", run=run):
        if (trial := search_trial()) is not None:
            run.log_tags(trial.tags)
            run.log_params(trial.params, "trial")
    return run


def resume_run(
    folder: Path,
    *,
    at_step: int | None = None,
    frameworks: Mapping[str, str] | None = None,
    rank: int = 0,
    group: str | None = None,
) -> Run:
    """Continue the run in `folder`, or join it as another rank, which writes a journal of its own.

    With `at_step`, what was recorded at this step or later is about to be recorded again. Raises
    `JournalBusyError` when a live process is writing the run, `FileNotFoundError` when there is none.
    """
    first = first_record(folder)
    chosen = resolve({})
    is_first_on_its_host = first.host != os.uname().nodename and os.environ.get("LOCAL_RANK", "0") == "0"
    if not rank or is_first_on_its_host:
        sidecar_client.start(chosen)
    run = Run(folder, settings=chosen, rank=rank)
    now: dict[str, Any] = {
        **_process(),
        "time": time(),
        "rank": rank,
        "group": group,
        "parent": None,
        "resumed_from": None,
        "resumed_at_step": at_step,
        "journals": None if rank else lengths_of_others(folder / "journal" / "main.jsonl"),
        "frameworks": dict(frameworks or {}),
        "destinations": chosen.written_down(),
        "metric": chosen.metric or first.metric,
    }
    run._begin(msgspec.structs.replace(first, **now), resumed=True)
    if rank and is_first_on_its_host:
        sidecar_client.follow(folder, chosen, rank=rank, only_load=True)
    return run


def reopen_run(folder: Path) -> Run:
    """Reopen a run that has ended, to add to it. Its recorded status does not change.

    Where a live process is still writing the run, what is added goes to a journal of its own, as with `attach_run`.
    Raises `FileNotFoundError` when there is no run in the folder.
    """
    first = first_record(folder)
    try:
        run = Run(folder)
    except JournalBusyError:
        run = Run(folder, writer=f"main-{os.getpid()}")
    run._identify(first)
    run.status = "finished"
    return run


def attach_run(folder: Path) -> Run:
    """Add to a run that the parent process is recording, in a journal of this process. The run ends in the parent.

    Raises `FileNotFoundError` when there is no run in the folder.
    """
    first = first_record(folder)
    run = Run(folder, writer=f"main-{os.getpid()}")
    run._identify(first)
    enter(run)
    return run


def _parent_id(experiment: Path) -> str | None:
    """Return the id of the run that is being recorded here, or in the process that started this one.

    A worker of a pool may have been started before that run was: then it is found in the folder of the experiment.
    """
    outer = current_run()
    if outer is not None and outer.pid == os.getpid():
        return outer.id
    parent = parent_run()
    if parent is not None:
        return parent.id
    with attempt("parent"):
        return ranks.run_of_parent_process(experiment)
    return None


def _experiment_folder(chosen: Settings) -> Path:
    return store_of(chosen) / redactor_of_this_process().redact_path(chosen.experiment)


def _join_rank_0(experiment: Path) -> Run | None:
    """In a rank other than 0, join the run that rank 0 started by the same call, waiting some seconds for it."""
    rank = ranks.rank_from_environment()
    number, deadline = next(_calls_of_this_rank), monotonic() + _PATIENCE_SECONDS
    while monotonic() < deadline:
        opened = [folder for one, folder in ranks.find_runs(experiment) if one.started_by == "user"]
        if len(opened) > number:
            return resume_run(opened[number], rank=rank)
        sleep(0.05)
    report_fault("ranks", f"rank {rank} found no run of rank 0 in {experiment}, and records one of its own")
    return None


def first_record(folder: Path) -> records.RunStarted:
    """Return the record with which a run begins. Raises `FileNotFoundError` when there is no run in the folder."""
    with (folder / "journal" / "main.jsonl").open("rb") as file:
        line = file.readline(2**24)
    try:
        first = records.decode(line)
    except msgspec.DecodeError:  # the process was killed before it had written a whole record
        first = None
    if not isinstance(first, records.RunStarted):
        raise FileNotFoundError(f"{folder} is not a run: its journal does not begin with the start of one")
    return first


def _argv() -> list[str]:
    """Return the arguments of the script. While Python starts, it does not say yet which file a module is."""
    first, *others = sys.argv or [""]
    return [(entry_point() or first) if first == "-m" else first, *others]


def _process() -> dict[str, Any]:
    return {
        "argv": _argv(),
        "entry_point": entry_point(),
        "cwd": str(Path.cwd()),
        "pid": os.getpid(),
        "parent_pid": os.getppid(),
        "host": os.uname().nodename,
        "python": sys.version.split()[0],
        "autotrack": __version__,
    }
