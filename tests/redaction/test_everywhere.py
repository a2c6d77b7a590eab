"""End to end: secrets that are known in one way or another are in no file of a store, however they are spelled."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

import pytest

import autotrack
from autotrack.journal import records
from autotrack.journal.reader import is_being_written

CORES = {
    "variable": "Zq9AAxx7k" * 2,
    "variable of several lines, 1": "MIIEAAxx7k" * 4,
    "variable of several lines, 2": "MIIFAAxx7k" * 4,
    "variable with an address": "Zq9BBxx7k",
    "short option": "Zq9CCxx7k",
    "long option": "Zq9DDxx7k",
    "param": "Zq9EExx7k",
    "variable set late": "Zq9FFxx7k",
}
"""What no spelling but base64 and hexadecimal digits changes: the letters and digits of each secret."""

SECRETS = {name: f'p "{core}" ä\\' if "lines" not in name else core for name, core in CORES.items()}
SECRETS["variable set late"] = f"p {CORES['variable set late']} ä"
SECRETS["variable with an address"] = CORES["variable with an address"] + "@/x"

TRAINING = """
import argparse, base64, html, json, logging, os, pathlib, sys, urllib.parse
import autotrack

parser = argparse.ArgumentParser()
parser.add_argument("-p", "--db-pass")
parser.add_argument("--api-key")
args = parser.parse_args()
os.environ["LATE_PASSWORD"] = json.loads(os.environ["GIVEN"])["late"]
param = json.loads(os.environ["GIVEN"])["param"]
key = os.environ["SIGNING_SECRET"]
secrets = [os.environ["DB_PASSWORD"], os.environ["LATE_PASSWORD"], "ADDRESS", args.db_pass, args.api_key, param]
secrets[2] = urllib.parse.unquote(os.environ["DATABASE_URL"].split(":")[2].split("@")[0])

def forms(value):
    yield from (value, repr(value), ascii(value), repr(value.encode()))
    yield from (json.dumps(value), json.dumps([json.dumps(value)]))
    yield from (urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), html.escape(value))
    for text in (value, f"ada:{value}", f"x{value}y"):
        yield base64.b64encode(text.encode()).decode()
    yield value.encode().hex()

logging.basicConfig(level="INFO")
first = secrets[0]
with autotrack.start_run(f"run {first}", experiment=f"of {secrets[1]}", tags={f"tag {first}": first}) as run:
    run.log_params({"password": param, f"width {first}": 3, "nested": {first: {"x": first}}})
    for value in secrets:
        for form in forms(value):
            print("form", form)
            logging.info("form %r", form)
            sys.stderr.write("in "); sys.stderr.write(form[:4]); sys.stderr.write(form[4:] + "\\n")
        run.log_text(f"text {value}", "\\n".join(forms(value)))
        run.log({f"loss {value}": 0.5, "loss": 1.0}, step=1, stage=f"stage {value}")
        run.log_table(f"table {value}", [{f"column {value}": repr(value)}])
        run.notice(f"about {value}", json.dumps(value))
        run.log_trial(0, {f"width {value}": value}, {f"score {value}": 0.5})
        run.log_plot(f"plot {value}", "curve", {"x": [0.0, 1.0], "y": [0.0, 1.0], "label": value})
        run.log_dataset(f"role {value}", [1, 2, 3], f"name {value}")
        name = pathlib.Path("files", urllib.parse.quote(value, safe="") + ".txt")
        name.parent.mkdir(exist_ok=True)
        name.write_text("content")
        run.log_artifact(name)
    for line in key.splitlines():
        print(line)
        logging.info("%s", line)
        for letter in line + "\\n":
            sys.stderr.write(letter)
    print(key, repr(key), base64.encodebytes(key.encode()).decode())
    print("ordinary words stay: form, loss, password, width 3, db.example.org")
    if "KILLED" in os.environ:
        os.kill(os.getpid(), 9)
    raise ValueError(f"no {first!r} for {args.db_pass!r}")
"""


@pytest.fixture(scope="module", params=["beside", "in the process", "killed"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a training that spells secrets in every way and place, made once for each way of recording."""
    project = tmp_path_factory.mktemp("spelled")
    (project / "train.py").write_text(TRAINING)
    ways = {"beside": {}, "in the process": {"AUTOTRACK_SIDECAR": "off"}, "killed": {"KILLED": "1"}}
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")},
        "DB_PASSWORD": SECRETS["variable"],
        "SIGNING_SECRET": f"{CORES['variable of several lines, 1']}\n{CORES['variable of several lines, 2']}\n",
        "DATABASE_URL": f"postgresql://ada:{quote(SECRETS['variable with an address'], safe='')}@db.example.org/x",
        "GIVEN": json.dumps({"late": SECRETS["variable set late"], "param": SECRETS["param"]}),
        **ways[request.param],
    }
    options = ["-p", SECRETS["short option"], "--api-key", SECRETS["long option"]]
    done = subprocess.run(
        [sys.executable, "train.py", *options], cwd=project, env=environ, capture_output=True, timeout=300, check=False
    )
    assert list(autotrack.runs(project / "runs")), done.stderr.decode()
    [run] = autotrack.runs(project / "runs")
    assert run.status == ("killed" if request.param == "killed" else "failed"), done.stderr.decode()
    deadline = monotonic() + 60
    complete = ("output.log", "run.json", "environment/requirements.txt", "environment/system_packages.json")
    while not all((run.folder / name).exists() for name in complete) or is_written(run.folder):
        assert monotonic() < deadline, list(run.folder.rglob("*"))
        sleep(0.02)
    return project / "runs"


def is_written(folder: Path) -> bool:
    return any(is_being_written(path) for path in (folder / "journal").iterdir())


def encodings(secret: str) -> list[bytes]:
    """Return what base64 makes of a secret wherever it stands in a text, and its hexadecimal digits."""
    data = secret.encode()
    middles = [base64.b64encode(b"x" * shift + data)[4 : (shift + len(data)) * 8 // 6] for shift in range(3)]
    return [*middles, data.hex().encode()]


@pytest.mark.parametrize("where", CORES)
def test_no_spelling_of_a_secret_is_in_any_file_or_name(trained: Path, where: str) -> None:
    needles = [CORES[where].encode(), *encodings(SECRETS[where])]
    for path in trained.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for text in (os.fsencode(path.relative_to(trained)), content):
            found = [text[max(0, text.index(needle) - 80) :][:200] for needle in needles if needle in text]
            assert found == [], path


def test_what_is_around_them_stays(trained: Path) -> None:
    [run] = autotrack.runs(trained)
    output = (run.folder / "output.log").read_text()
    assert "ordinary words stay: form, loss, password, width 3, db.example.org" in output
    assert "form [redacted]\n" in output
    assert 'form "[redacted]"\n' in output
    assert run.metrics["loss"].last.value == 1.0
    assert (run.name, run.experiment) == ("run [redacted]", "of [redacted]")
    assert run.params["width [redacted]"] == 3
    assert len([name for name in run.metrics if name.startswith("loss [redacted]")]) == 1


def test_the_stages_of_metrics_and_the_types_of_columns_lose_theirs(tmp_path: Path) -> None:
    token = "gh" + "p_" + "a1B2" * 9
    with autotrack.start_run("stages", to=tmp_path) as run:
        for value in (1.0, float("nan")):
            for stage in ("train", "eval", f"eval-{token}"):
                run.log({"loss": value}, step=1, stage=stage)
        column_types = {"city": f"Enum(categories=['{token}'])", "width": "float64"}
        run._put(records.Dataset(time=1.0, role="train", kind="table", schema=column_types))
    journal = (run.folder / "journal" / "main.jsonl").read_text()
    assert [journal.count(f'"stage":"{stage}"') for stage in ("train", "eval", "eval-[redacted]")] == [2, 2, 2]
    assert """{"city":"Enum(categories=['[redacted]'])","width":"float64"}""" in journal
    assert [path for path in run.folder.rglob("*") if path.is_file() and token.encode() in path.read_bytes()] == []
