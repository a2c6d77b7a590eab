"""The settings, from arguments, else options of `autotrack run`, environment variables, pyproject.toml, defaults.

The first of these that has a setting wins; only tags are merged, name by name. Arguments are those of
`autotrack.autolog`, `autotrack.start_run` and the callbacks; settings with a star are none. In pyproject.toml they
stand below `[tool.autotrack]`, as in `to = ["runs", "http://host:5000"]` and `tags = { team = "vision" }`. The file is
looked for where `autolog` is called, or the first run is started; that a script changes its folder later is no matter.

setting                environment variable                 what it is
to                     AUTOTRACK_TO=runs,http://host:5000   folder of the runs, `runs` by default; servers
experiment             AUTOTRACK_EXPERIMENT=digits          groups runs; the project's name by default
tags                   AUTOTRACK_TAGS=team=vision,why=paper labels of every run
metric *               AUTOTRACK_METRIC="min my_cost"       what runs are judged by; "val_acc" tells itself
directions *           AUTOTRACK_DIRECTIONS=cost=min,g=max  which way metrics get better, if names do not tell
register               AUTOTRACK_REGISTER=digits            register the model of a training that finished
promote *              AUTOTRACK_PROMOTE="best val_acc"     the rule by which registered models are promoted
on_promote *           AUTOTRACK_ON_PROMOTE="./deploy.sh"   the command or URL that is told of promotions
log_every_n_steps      AUTOTRACK_LOG_EVERY_N_STEPS=10       record step metrics every so many steps
checkpoints            AUTOTRACK_CHECKPOINTS=off            keep checkpoints and models
input_examples *       AUTOTRACK_INPUT_EXAMPLES=off         keep three rows of what a model was trained with
output                 AUTOTRACK_OUTPUT=off                 keep what is printed
printed_metrics        AUTOTRACK_PRINTED_METRICS=off        find metrics in what is printed
printed_patterns *     AUTOTRACK_PRINTED_PATTERNS="..."     expressions that find more of them, one a line
environment *          AUTOTRACK_ENVIRONMENT=off            capture code, packages and hardware
untracked_mb *         AUTOTRACK_UNTRACKED_MB=20            keep so many MB of untracked files at most
system_seconds *       AUTOTRACK_SYSTEM_SECONDS=5           how often the load is sampled; 0 for never
tensorboard *          AUTOTRACK_TENSORBOARD=off            write event files for TensorBoard
exit_timeout *         AUTOTRACK_EXIT_TIMEOUT=30            seconds that the exit waits at most
upload_mb *            AUTOTRACK_UPLOAD_MB=1000             send so many MB of a run's files at most
upload_mb_per_second * AUTOTRACK_UPLOAD_MB_PER_SECOND=5     how fast they are sent at most
sidecar *              AUTOTRACK_SIDECAR=off                do the slow work in a process beside training
quiet *                AUTOTRACK_QUIET=1                    print nothing but warnings

Without a sidecar, the same work is done when a run ends, but the system load is not sampled, and no metrics are found
in what is printed. A named group of `printed_patterns` is a metric, as in `cost (?P<cost>\\S+)`; the groups `name` and
`value`, `epoch` and `step` say what their names say. One environment variable is no setting: with
AUTOTRACK_ALLOW_INSECURE=1, credentials are sent to other machines even over plain http.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from autotrack import destinations, launch, model_names, printed_patterns, promotion_rule, pyproject, repeating
from autotrack.errors import SettingsError

PREFIX = "AUTOTRACK_"

UNREADABLE = "could not be read: "
"""How the text begins that stands for a value that raised when it was read."""

_Direction = Literal["min", "max"]
"""What `autotrack.journal.directions` calls so; settings stand beside the journal."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class UploadLimits(msgspec.Struct, frozen=True):
    """How many bytes of files a run may have on a server, and how fast they are sent. None means no limit."""

    most_bytes: int | None = None
    bytes_per_second: float | None = None


@dataclass(frozen=True)
class Settings:
    """The settings in force. The module's docstring has their names in the environment and in pyproject.toml.

    Attributes:
        to: The folder that keeps the runs.
        servers: The URLs to which they are sent as well. The setting `to` names these too.
        experiment: The experiment of new runs.
        tags: Tags of new runs.
        metric: What runs are judged by. By default, it is what a search, a checkpoint or early stopping goes by.
        directions: Whether metrics are better when they are lower, `min`, or higher, `max`: by name, for those whose
            names do not tell, or tell it wrongly.
        register: The name under which the model of a run is registered, if the training has finished.
        promote: The rule by which a version becomes the champion, as in `best val_acc, if better than @champion`.
        on_promote: A command or URL that is told of promotions, so that a deployment can follow.
        log_every_n_steps: Record only every n-th step. By default, the integration decides.
        checkpoints: Keep checkpoints.
        input_examples: Keep a few rows of what a model was trained with beside it, as an example of its input.
        output: Keep what the script prints.
        printed_metrics: Find metrics in what the script prints. There are none without `output`.
        printed_patterns: Regular expressions that find more of them. A line that one of them matches is not looked at
            in any other way.
        environment: Capture code, packages and hardware.
        untracked_mb: How many megabytes of files that git does not track are captured at most.
        system_seconds: How often the system load is sampled; 0 for never.
        exit_timeout: How many seconds the exit of the process waits at most for work that is not done yet.
        upload_mb: How many megabytes of files a run may have on a server; no limit by default.
        upload_mb_per_second: How fast files are sent; no limit by default.
        sidecar: Do the work in a process beside training. Otherwise it is done when the run ends, and the system load
            is not sampled.
        tensorboard: Write event files for TensorBoard into every run folder. The setting `to` can switch this on too.
        quiet: Print nothing on the terminal. What cannot be recorded is still a Python warning, `AutotrackWarning`.
    """

    to: str = "runs"
    servers: tuple[str, ...] = ()
    experiment: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    metric: str = ""
    directions: Mapping[str, _Direction] = field(default_factory=dict)
    register: str = ""
    promote: str = ""
    on_promote: str = ""
    log_every_n_steps: int | None = None
    checkpoints: bool = True
    input_examples: bool = True
    output: bool = True
    printed_metrics: bool = True
    printed_patterns: tuple[str, ...] = ()
    environment: bool = True
    untracked_mb: float = 20.0
    system_seconds: float = 5.0
    exit_timeout: float = 30.0
    upload_mb: float | None = None
    upload_mb_per_second: float | None = None
    sidecar: bool = True
    tensorboard: bool = True
    quiet: bool = False

    @property
    def uploads(self) -> UploadLimits:
        """How much of the files of a run is sent to a server, and how fast."""
        most, rate = self.upload_mb, self.upload_mb_per_second
        return UploadLimits(None if most is None else int(most * 1e6), None if rate is None else rate * 1e6)

    @property
    def destinations(self) -> list[str]:
        """Where a run goes besides its folder; the URLs may hold credentials."""
        return [*([destinations.TENSORBOARD] if self.tensorboard else []), *self.servers]

    def written_down(self) -> list[str]:
        """Return the destinations without credentials."""
        return [destinations.without_credentials(url) for url in self.destinations]


def names() -> list[str]:
    """Return the names of all settings."""
    return list(_CHECKS)


def is_switch(name: str) -> bool:
    """Whether a setting is either on or off."""
    return _CHECKS[name] is _flag


def meanings() -> dict[str, str]:
    """Return what each setting is, from the table at the head of this module; empty where Python drops docstrings."""
    lines = (__doc__ or "").splitlines()
    column = next((line.index("what it is") for line in lines if line.startswith("setting ")), 0)
    return {name: line[column:] for line in lines if (name := line.partition(" ")[0]) in _CHECKS}


def resolve(folder: Path | None = None, /, **arguments: Any) -> Settings:
    """Merge the arguments that are not None with the environment, pyproject.toml and the defaults.

    The project is that of `folder`, by default of the working directory. Tags are merged name by name. Everything else
    is taken from the first source that has it. The default experiment is named after the project: its name in
    pyproject.toml, else the folder with `.git`, else `folder`.
    Raises `SettingsError` for a name or value that cannot be used, and tells where it is set.
    """
    path, table = pyproject.find(folder) or (None, {})
    sources = [
        _checked(_part(table, "tool").get("autotrack", {}), f"[tool.autotrack] in {path}"),
        _checked(_environment(), "the environment"),
        _checked(launch.choices().settings, "the command line"),
        _checked({k: v for k, v in arguments.items() if v is not None}, "the arguments"),
    ]
    tags = {name: tag for values in sources for name, tag in values.pop("tags", {}).items()}
    merged = {name: value for values in sources for name, value in _spread(values).items()}
    if (repeated := repeating.repetition()) is not None:
        merged["to"] = repeated.store  # whatever the script says: the two runs are to be compared
    if "experiment" not in merged:
        merged["experiment"] = _project_name(table, folder)
    return Settings(**merged, tags=tags)


def _part(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table of pyproject.toml that is not ours. If it is not a table, reporting that is not our job."""
    part = table.get(name)
    return part if isinstance(part, Mapping) else {}


def _spread(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values, with what `to` names moved to the fields of `Settings`."""
    if "to" not in values:
        return values
    named = values.pop("to")
    spread = {
        "to": destinations.folder_among(named) or Settings.to,
        "servers": tuple(filter(destinations.is_remote, named)),
    }
    return {**values, **spread, **({"tensorboard": True} if destinations.TENSORBOARD in named else {})}


def _checked(values: Any, where: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise SettingsError(f"{where} is {values!r}; expected a table of settings", value=values)
    return {name: _check(name, value, where) for name, value in values.items()}


def _check(name: str, value: Any, where: str) -> Any:
    if name not in _CHECKS:
        import difflib  # few settings are misspelt

        close = difflib.get_close_matches(name, _CHECKS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"the settings are {', '.join(_CHECKS)}"
        raise SettingsError(f"{where} has an unknown setting {name!r}; {hint}", setting=name, value=value)
    try:
        return _CHECKS[name](value)
    except ValueError as error:
        shown = destinations.without_credentials_in(repr(value))
        raise SettingsError(
            f"the setting {name!r} from {where} is {shown:.200}; {error}", setting=name, value=value
        ) from None


def _experiment(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or text in (".", "..") or "/" in text or "\\" in text or "\0" in text:
        raise ValueError("expected a name that can be a folder: not empty and without slashes")
    return text


def _tags(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        if not all(separator for _, separator, _ in pairs):
            raise ValueError("expected name=value,name=value")
        value = {name.strip(): tag.strip() for name, _, tag in pairs}
    if not isinstance(value, Mapping):
        raise ValueError("expected names and values, such as {'why': 'baseline'}")
    return {_text(name): _text(tag) for name, tag in value.items()}


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  somebody's own object: it costs itself only, and a notice names it
        return f"{UNREADABLE}{type(error).__name__}"


def _metric(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected the name of a metric, such as 'val_acc', or 'min my_cost'")
    return value.strip()


def _told(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("expected a command such as './deploy.sh', or a URL")
    return value.strip()


def _directions(value: Any) -> dict[str, _Direction]:
    try:
        told = _tags(value)
    except ValueError:
        told = {"": ""}
    if not all(name and direction in ("min", "max") for name, direction in told.items()):
        raise ValueError("expected the names of metrics with min or max, such as {'my_cost': 'min'}, or my_cost=min")
    return {name: "min" if direction == "min" else "max" for name, direction in told.items()}


def _steps(value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"\s*0*[1-9][0-9]*\s*", str(value)):
        raise ValueError("expected a number of steps, at least 1")
    return int(value)


def _amount(value: Any) -> float:
    try:
        amount = float(value)
    except (TypeError, ValueError):
        amount = -1.0
    if isinstance(value, bool) or not 0 <= amount < float("inf"):
        raise ValueError("expected a number, 0 or more")
    return amount


def _rate(value: Any) -> float:
    rate = _amount(value)
    if not rate:
        raise ValueError("expected a number above 0")
    return rate


def _flag(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _TRUE + _FALSE:
        raise ValueError("expected true or false")
    return text in _TRUE


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "to": destinations.checked,
    "experiment": _experiment,
    "tags": _tags,
    "metric": _metric,
    "directions": _directions,
    "register": model_names.checked_name,
    "promote": promotion_rule.checked,
    "on_promote": _told,
    "log_every_n_steps": _steps,
    "checkpoints": _flag,
    "input_examples": _flag,
    "output": _flag,
    "printed_metrics": _flag,
    "printed_patterns": printed_patterns.checked,
    "environment": _flag,
    "untracked_mb": _amount,
    "system_seconds": _amount,
    "exit_timeout": _amount,
    "upload_mb": _amount,
    "upload_mb_per_second": _rate,
    "sidecar": _flag,
    "tensorboard": _flag,
    "quiet": _flag,
}


def _environment() -> dict[str, Any]:
    variables = {name: os.environ.get(f"{PREFIX}{name.upper()}", "") for name in _CHECKS}
    given: dict[str, Any] = {name: value for name, value in variables.items() if value}
    return {**given, "to": destinations.split(given["to"])} if "to" in given else given


def _project_name(table: Mapping[str, Any], folder: Path | None) -> str:
    repository = pyproject.find_upward(".git", folder)
    named = repository.parent if repository else folder or Path.cwd()
    for name in (_part(table, "project").get("name"), named.name):
        try:
            return _experiment(str(name or "").replace("/", "-").replace("\\", "-"))
        except ValueError:  # it cannot be the name of a folder
            continue
    return "default"
