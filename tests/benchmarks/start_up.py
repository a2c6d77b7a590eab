"""What importing autotrack costs, and how soon after the start of a process a first metric is on disk."""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from tests.benchmarks import peers, tables

ROUNDS = 9
IMPORTS_A_ROUND = 5
SLOW_MODULES = {"numpy", "torch", "tensorboard", "git", "requests", "rich"}


@dataclass(frozen=True)
class Script:
    """Logs one metric, called `name`, below `folder`, and sees to it that it is written."""

    name: str
    code: str
    needs: str = ""


OURS = Script("autotrack", "import autotrack\nautotrack.start_run(to=folder).log({name: 0.5}, step=0)")
SCRIPTS = [
    OURS,
    Script(
        "TensorBoard `SummaryWriter`",
        "from torch.utils.tensorboard import SummaryWriter\n"
        "writer = SummaryWriter(folder)\nwriter.add_scalar(name, 0.5, 0)\nwriter.flush()",
        needs="torch tensorboard",
    ),
    Script(
        "Lightning `CSVLogger`",
        "from lightning.pytorch.loggers import CSVLogger\n"
        "logger = CSVLogger(folder)\nlogger.log_metrics({name: 0.5}, 0)\nlogger.save()",
        needs="lightning",
    ),
    Script(
        "MLflow on SQLite",
        "import mlflow\nmlflow.set_tracking_uri(f'sqlite:///{folder}/mlflow.db')\n"
        "mlflow.set_experiment('benchmark')\nmlflow.start_run()\nmlflow.log_metrics({name: 0.5}, step=0)",
        needs="mlflow",
    ),
    Script(
        "W&B offline",  # nothing but the end of the run has it written at once
        "import wandb\nrun = wandb.init(project='benchmark', dir=folder)\nrun.log({name: 0.5}, step=0)\nrun.finish()",
        needs="wandb",
    ),
    Script(
        "Trackio",
        "import os\nos.environ['TRACKIO_DIR'] = folder\nimport trackio\n"
        "trackio.init(project='benchmark', embed=False)\ntrackio.log({name: 0.5}, step=0)\ntrackio.finish()",
        needs="trackio",
    ),
    Script(
        "DVCLive",
        "from dvclive import Live\n"
        "live = Live(f'{folder}/dvclive', save_dvc_exp=False, dvcyaml=None)\n"
        "live.log_metric(name, 0.5)\nlive.next_step()",
        needs="dvclive",
    ),
]


def measure(folder: Path, *, quick: bool = False) -> str:
    """Start processes in turn; return the tables."""
    rounds = 1 if quick else ROUNDS
    here = [script for script in SCRIPTS if peers.is_installed(script.needs)]
    absent = [script.name for script in SCRIPTS if script not in here]
    return "\n\n".join(
        [
            "### Start",
            *_imports(rounds * IMPORTS_A_ROUND),
            *_first_metrics(here, folder, rounds=rounds, warm_ups=0 if quick else 1),
            *filter(None, [tables.left_out(absent)]),
        ]
    )


def _imports(rounds: int) -> tuple[str, str]:
    codes = {"bare Python": "pass", "`import autotrack`": "import autotrack"}
    seconds: dict[str, list[float]] = {what: [] for what in codes}
    for _ in range(rounds):
        for what, code in codes.items():
            began = perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            seconds[what].append(perf_counter() - began)
    bare, imported = seconds.values()
    added = tables.median([more - less for less, more in zip(bare, imported, strict=True)]) * 1000
    modules = _modules_added("import autotrack")
    slow = sorted(SLOW_MODULES & modules)
    rows = [[what, f"{tables.median(taken) * 1000:.1f}"] for what, taken in seconds.items()]
    goals = [
        tables.goal("Goal: importing adds less than 30 ms", f"{added:.1f} ms", met=added < 30),
        tables.goal("Goal: importing adds fewer than 100 modules", f"{len(modules)}", met=len(modules) < 100),
        tables.goal(f"Goal: none of {', '.join(sorted(SLOW_MODULES))} is among them", ", ".join(slow) or "none",
                    met=not slow),
    ]  # fmt: skip
    return tables.table(["process that does nothing else", "ms"], rows), "\n".join(goals)


def _modules_added(code: str) -> set[str]:
    counted = f"import sys\nbefore = set(sys.modules)\n{code}\nadded = sorted(set(sys.modules) - before)\n"
    script = f"{counted}import json; print(json.dumps(added))"
    said = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE).stdout
    return set(json.loads(said))


def _first_metrics(scripts: list[Script], folder: Path, *, rounds: int, warm_ups: int) -> tuple[str, str]:
    seconds: dict[Script, list[float]] = {script: [] for script in scripts}
    dice = random.Random(0)
    for number in range(warm_ups + rounds):
        for script in dice.sample(scripts, k=len(scripts)):
            own = folder / f"{SCRIPTS.index(script)}"
            own.mkdir(exist_ok=True)
            taken = _until_on_disk(script, own, f"metric_of_round_{number:03}")
            if number >= warm_ups:  # the first time fills caches, and creates MLflow's schema
                seconds[script].append(taken)
    ours = tables.median(seconds[OURS])
    rows = [
        [script.name, f"{tables.median(taken):.3f}", f"{tables.median(taken) / ours:.1f}x"]
        for script, taken in seconds.items()
    ]
    table = tables.table(["from the start of the process to the first metric on disk", "s", "to autotrack"], rows)
    others = [tables.median(taken) for script, taken in seconds.items() if script is not OURS]
    if not others:
        return table, "- There is nobody here to compare with."
    share = ours / min(others)
    return table, tables.goal("Goal: at most a quarter of the best other one's", f"{share:.0%}", met=share <= 0.25)


def _until_on_disk(script: Script, folder: Path, metric: str) -> float:
    """Run the script; return how long it took until the metric could be found in a file."""
    code = f"import sys\nfolder, name = sys.argv[1:]\n{script.code}\nprint('\\nlogged', flush=True)\nsys.stdin.read()"
    errors = folder / "stderr.txt"
    with errors.open("wb") as stderr:
        began = perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder), metric],
            cwd=folder, env=os.environ | peers.environment(folder),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        while (line := process.stdout.readline()) != "logged\n":
            if not line:
                raise RuntimeError(f"{script.name} logged nothing: {errors.read_text(errors='replace')[-2000:]}")
        ended = perf_counter()
        while not _is_on_disk(folder, metric):
            sleep(0.002)
            ended = perf_counter()
            if ended - began > 60:
                raise RuntimeError(f"{script.name} said that it has logged, and the metric is in no file")
        process.communicate()  # it ends in its own way, so that nothing of it runs beside the next
    return ended - began


def _is_on_disk(folder: Path, metric: str) -> bool:
    name = metric.encode()
    return any(metric in path.name or name in path.read_bytes() for path in folder.rglob("*") if path.is_file())
