"""Secrets and ordinary values, and a training that gives all of them away in every possible place."""

import hashlib
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import ordinary_values
from tests.support.repositories import new, put, run_git

PLANTED: dict[str, str] = {}
"""What must not be in any file of a store, by where it was planted. Each value is in one place only."""

# Put together from pieces, or the secret scanners of code hosts would stumble over this file.
_SHAPES = {
    "github": ("gh" + "p_", 36),
    "gitlab": ("glp" + "at-", 20),
    "hugging face": ("h" + "f_", 34),
    "openai": ("s" + "k-proj-", 48),
    "slack": ("xo" + "xb-123456789012-", 24),
    "stripe": ("sk_" + "live_", 24),
    "google": ("AI" + "za", 35),
    "npm": ("np" + "m_", 36),
    "jwt": ("ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0In0.", 43),
    "aws": ("AK" + "IA", 16),
    "hex": ("", 40),
    "password": ("Zq9-", 10),
    "odd": ('p "w" ä\\', 12),
}


def plant(where: str, shape: str = "password", among: dict[str, str] = PLANTED) -> str:
    """Make a secret, always the same for a place."""
    digest = hashlib.sha512(where.encode()).digest()
    letters = b64encode(digest).decode().replace("+", "a").replace("/", "b")
    prefix, length = _SHAPES[shape]
    letters = digest.hex() if shape == "hex" else digest.hex().upper() if shape == "aws" else letters
    return among.setdefault(where, prefix + letters[:length])


def plant_key(where: str) -> str:
    """Make a private key; its lines are what must not be found."""
    lines = [plant(f"{where}, line {number}", "hex") for number in range(3)]
    kind = "RSA PRIVATE KEY"
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"])


ENVIRON = {
    "HF_TOKEN": plant("variable with a token", "hugging face"),
    "WANDB_API_KEY": plant("variable with hexadecimal digits", "hex"),
    "DB_PASSWORD": plant("variable with odd characters", "odd"),
    "DATABASE_URL": f"postgresql://ada:{plant('variable with an address')}@db.example.org:5432/runs",
    "SENTRY_DSN": f"https://{plant('variable with a DSN', 'hex')}@o1.ingest.example.org/2",
    "NOTIFY": plant("variable with an everyday name", "slack"),
    "NCCL_PASSWORD": plant("variable that looks telling"),
    "PYTORCH_HUB": f"https://ada:{plant('variable that is telling')}@hub.example.org",
}

ARGV = [
    f"--hub-token={plant('argv: option=value', 'hex')}",
    *("--password", plant("argv: option value")),
    f"+db.password={plant('argv: hydra')}",
    f"-Papi.key={plant('argv: -P')}",
    f"SECRET_KEY={plant('argv: NAME=value')}",
    *("--header", f"Authorization: Bearer {plant('argv: header', 'hex')}"),
    f"--remote=https://ada:{plant('argv: address')}@git.example.org/x.git",
    json.dumps({"api_key": plant("argv: JSON"), "lr": 0.1}),
    plant("argv: bare", "github"),
    f"python x.py --access-token {plant('argv: a command line in one', 'hex')} --lr 1",
]

PARAMS: dict[str, Any] = {
    "hub": {"token": plant("params: token", "hex"), "api_key": plant("params: key")},
    "password": 48151623,
    "credentials": [plant("params: in a list"), {"user": plant("params: in a dict in a list")}],
    "tracking_uri": f"https://ada:{plant('params: address')}@mlflow.example.org",
    "storage": f"AccountName=ada;AccountKey={plant('params: connection string', 'hex')};EndpointSuffix=x",
    "note_to_self": plant("params: everyday name", "gitlab"),
    "args": ["--hub_token", plant("params: list of arguments", "hex"), "--lr", "0.1"],
    "signed": f"https://bucket.example.org/x?X-Amz-Signature={plant('params: signed address', 'hex')}&x=1",
}
PLANTED["params: number"] = "48151623"

TAGS = {"token": plant("tags: token", "hex"), "note": f"used {plant('tags: everyday name', 'openai')}"}
TEXT = f"# Notes\n\nThe password: {plant('text: password')}\n\n- {plant('text: token', 'jwt')}\n"
TABLE = {
    "user": ["ada", "bob"],
    "note": [plant("table: token", "aws"), "x"],
    "password": [plant("table: column"), "y"],
}

PRINTED = {
    "assignment": f"password = {plant('printed: assignment')}",
    "json": json.dumps({"client_secret": plant("printed: JSON"), "lr": 0.1}),
    "repr": repr({"auth_token": plant("printed: dict", "hex")}),
    "address": f"cloning https://oauth2:{plant('printed: address')}@git.example.org/a.git",
    "token": f"logged in with {plant('printed: token', 'stripe')}.",
    "coloured": f"\x1b[31mpassword=\x1b[1m{plant('printed: coloured')}\x1b[0m",
    "key": plant_key("printed: private key"),
    "pieces": plant("printed: in pieces", "hex"),
    "letters": plant("printed: letter by letter", "hex"),
    "bar": plant("printed: progress bar", "hex"),
    "logging": plant("logged: by logging", "hex"),
    "warning": f"https://ada:{plant('warned: address')}@example.org is slow",
    "error": f"login(api_key='{plant('exception: assignment')}') failed for {plant('exception: token', 'google')}",
    "late": plant("variable set after autolog", "hex"),
    "even later": plant("variable set during the run", "hex"),
    "unfinished": f"token: {plant('printed: unfinished line', 'hex')}",
}

COMMITTED = {
    ".gitignore": "local_settings.py\n__pycache__/\n",
    "train.py": "import this\n",
    "model.py": "width = 64\n\n\ndef forward(x):\n    return x * width\n",
    "old.py": f'PASSWORD = "{plant("committed, and now removed")}"\nA = 1\n',
    "near.py": f'A = 1\nAPI_KEY = "{plant("committed, beside a change", "hex")}"\nB = 1\n',
    "gone.py": f'DB_PASSWORD = "{plant("committed, in a deleted file")}"\n',
    "head.py": f'def login(password="{plant("committed, in the head of a function")}"):\n' + "    a = 1\n" * 9,
}
CHANGED = {
    "model.py": "width = 128\n"
    f'HUB_TOKEN = "{plant("changed file", "hugging face")}"\n\n\ndef forward(x):\n    return x * width\n',
    "old.py": 'PASSWORD = os.environ["PASSWORD"]\nA = 1\n',
    "near.py": COMMITTED["near.py"].replace("B = 1", "B = 2"),
    "head.py": COMMITTED["head.py"].removesuffix("    a = 1\n") + "    a = 2\n",
    "staged.py": f'client_secret = "{plant("staged file")}"\n',
    "train.ini": f"[db]\npassword = {plant('staged and changed again')}\n",
}
UNTRACKED: dict[str, str | bytes] = {
    "local_settings.py": f'SECRET_KEY = "{plant("ignored module")}"\nDEBUG = True\n',
    "conf/db.yaml": f"user: ada\npassword: {plant('untracked: YAML')}\nlr: 0.1\n",
    "conf/app.toml": f'[hub]\ntoken = "{plant("untracked: TOML", "hex")}"\n',
    "conf/app.json": json.dumps({"accessKey": plant("untracked: JSON", "hex"), "lr": 0.1}, indent=2),
    "start.sh": f"export GITLAB_TOKEN={plant('untracked: shell', 'gitlab')}\npython train.py\n",
    "key.py": f'KEY = """{plant_key("untracked: key in code")}"""\n',
    "look.ipynb": json.dumps(
        {"cells": [{"cell_type": "code", "source": [f'password = "{plant("untracked: notebook")}"\n', "a = 1\n"]}]}
    ),
    "windows.txt": f"api_key={plant('untracked: UTF-16', 'npm')}\n".encode("utf-16"),
    "data.bin": b"\0\1\2" + f"token={plant('untracked: binary file', 'github')}".encode() + b"\0",
    "id_rsa": plant_key("untracked: id_rsa"),
    ".env": f"PLAIN={plant('untracked: .env', 'hex')}\n",
    "sub/credentials.json": json.dumps({"x": plant("untracked: credentials.json", "hex")}),
    ".aws/config": f"x = {plant('untracked: .aws', 'hex')}\n",
}

TRAINING = """\
import json, logging, os, pprint, signal, sys, warnings
from pathlib import Path
import autotrack
import local_settings, model

autotrack.autolog(experiment="digits")
given = json.loads(Path(os.environ["GIVEN"]).read_text())
said = given["printed"]
os.environ["MLFLOW_TRACKING_PASSWORD"] = said["late"]
logging.basicConfig(level="INFO")
with autotrack.start_run("baseline", tags=given["tags"], params=given["params"]) as run:
    run.log_text("notes", given["text"])
    run.log_text("prose", given["prose"])
    run.log_table("users", given["table"])
    run.notice("mine", "mlflow uses " + said["late"])
    for step, name in enumerate(given["metrics"]):
        run.log({name: 0.5}, step=step, epoch=0)
    for line in given["lines"]:
        print(line, file=sys.stderr if line.startswith("W") else sys.stdout)
    for line in given["out"]:
        print(line)
        print(line, file=sys.stderr)
    print(dict(os.environ))
    pprint.pprint(list(os.environ.items()))
    print(sys.argv)
    print(given["name"], end="=")
    print(said["pieces"])
    for letter in given["name"] + "=" + said["letters"]:
        sys.stderr.write(letter)
    for percent in range(0, 101, 20):
        print(f"\\r{percent} %", given["name"], said["bar"], sep="=", end="", file=sys.stderr)
    print(file=sys.stderr)
    logging.info("api_key=%s", said["logging"])
    warnings.warn(said["warning"])
    print("mlflow uses", said["late"])
    os.environ["EVEN_LATER_TOKEN"] = said["even later"]
    print("the hub uses", os.environ["EVEN_LATER_TOKEN"])
    print(said["unfinished"], end="", flush=True)
    if "KILLED" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)
    raise ValueError(said["error"])
"""

GIVEN = {
    "params": {**ordinary_values.PARAMS, **PARAMS},
    "tags": {**ordinary_values.TAGS, **TAGS},
    "text": TEXT,
    "prose": ordinary_values.PROSE,
    "table": TABLE,
    "metrics": ordinary_values.METRICS,
    "lines": ordinary_values.LINES,
    "printed": PRINTED,
    "out": [PRINTED[name] for name in ("assignment", "json", "repr", "address", "token", "coloured", "key")],
    "name": "api_key",
}


PLANTED_IN_CELLS: dict[str, str] = {}


def _in_cell(where: str, shape: str = "password") -> str:
    return plant(where, shape, PLANTED_IN_CELLS)


CELLS = [
    "import os, autotrack\nautotrack.autolog(experiment='digits')",
    f"os.environ['HUB_TOKEN'] = '{_in_cell('variable', 'hex')}'",
    f"%env WANDB_API_KEY={_in_cell('magic', 'hex')}",
    f'password = "{_in_cell("assignment")}"\nmax_tokens = 512',
    f"!curl --silent -H 'Authorization: Bearer {_in_cell('shell', 'hex')}' http://localhost:9 || echo offline",
    "run = autotrack.start_run('explored')",
    "run.log_params({'api_key': os.environ['HUB_TOKEN'], 'max_tokens': max_tokens})",
    f"!echo client_secret={_in_cell('output of the shell')}",
    "label = 'password'\nprint(f'{label}: {password}', os.environ['HUB_TOKEN'])",
    f"print('{_in_cell('token', 'github')} is another')",
    f"%env GROQ_KEY {_in_cell('magic without a sign', 'hex')}",
    f"!echo wandb login {_in_cell('login', 'hex')} > nowhere",
    f"!curl -s -u ada:{_in_cell('option of curl')} http://localhost:9 || echo offline",
    f"config = '''\nuser: ada\npassword: {_in_cell('text in code')}\n'''",
    f"os.environ.setdefault('DB_PASSWORD', '{_in_cell('set by default')}')",
    "tokens = ['<s>', '</s>']\ntoken = tokens[0]\nprint('token:', token, f'password={password}', 'api_key=')",
    f"run.log_text('config', 'secret_key: {_in_cell('text')}')",
    f"raise ValueError('token={_in_cell('exception', 'hex')}')",
    "run.finish()",
]

DIRECT_URL = {
    "tokenizers-0.19.1.dist-info/direct_url.json": json.dumps(
        {
            "url": f"https://{plant('direct_url.json', 'github')}@github.com/ada/tokenizers.git",
            "vcs_info": {"vcs": "git", "commit_id": "9f8b1c0d" * 5},
        }
    )
}
REMOTE = f"https://x-access-token:{plant('git remote', 'github')}@github.com/ada/digits.git"


def make_project(folder: Path) -> Path:
    """Make a repository with a remote, changes, staged files and untracked ones, all with secrets; return it."""
    project = new(folder / "project", COMMITTED)
    run_git(project, "remote", "add", "origin", REMOTE)
    run_git(project, "checkout", "--quiet", "-b", "feature/tokenizer-cache")
    put(project, {name: content for name, content in CHANGED.items() if name != "train.ini"})
    put(project, {"train.ini": "[db]\nuser = ada\n", "code.py": ordinary_values.CODE, "train.py": TRAINING})
    run_git(project, "add", "staged.py", "train.ini", "code.py")
    put(project, {"train.ini": CHANGED["train.ini"]})
    (project / "gone.py").unlink()
    put(project, {**UNTRACKED, "conf/model.yaml": ordinary_values.CONFIG})
    for name, version in ordinary_values.PACKAGES.items():
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        put(folder / "packages", {f"{name.replace('-', '_')}-{version}.dist-info/METADATA": metadata})
    put(folder / "packages", DIRECT_URL)
    return project


def train(project: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the training in the project, where its store is too; return what it printed."""
    given = project.parent / "given.json"
    given.write_text(json.dumps(GIVEN))
    everything_on = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    packages = str(project.parent / "packages")
    return subprocess.run(
        [sys.executable, "train.py", *ARGV, *ordinary_values.ARGV],
        cwd=project,
        env={**everything_on, "GIVEN": str(given), "PYTHONPATH": packages, **ENVIRON, **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
