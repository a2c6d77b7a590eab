"""No secret gets past the redactor, and nothing else is touched."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.journal.records import Params, RunStarted
from autotrack.redaction import REDACTED, Redactor, is_secret_name
from autotrack.redaction.record_redactor import RecordRedactor

# Every canary is put together from pieces, or the secret scanners of code hosts would stumble over this file.
PASSWORD = "hunter" + "2-Zq9x"
TOKEN = "tk" + "9Xv2Lq" * 4
ENVIRON = {
    "HF_TOKEN": "zq8-" + "Kk29sd" * 3,
    "DB_PASSWORD": "correct horse " + "battery",
    "AWS_SECRET_ACCESS_KEY": "/wJalr" + "XUtn+FEMI/K7MDENG" + "bPxRfiCY",
    "PWD": str(Path.cwd()),
    "SOME_SECRET": "true",
    "CLIENT_SECRET": "develop",
    "OTHER_TOKEN": "/usr/bin",
    "SHORT_TOKEN": "a1b",
    "PIN_SECRET": "12345678",
    "API_KEY": REDACTED,
}


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(ENVIRON)


def everything(*parts: object) -> str:
    return json.dumps(parts, ensure_ascii=False, default=repr)


# ---- by shape

SHAPES = {
    "github classic": "ghp_" + "a1B2" * 9,
    "github oauth": "gho_" + "a1B2" * 9,
    "github user": "ghu_" + "a1B2" * 9,
    "github server": "ghs_" + "a1B2" * 9,
    "github refresh": "ghr_" + "a1B2" * 19,
    "github fine-grained": "github_" + "pat_" + "11ABCDEFG0" + "_a1B2c3D4" * 6,
    "gitlab": "glpat-" + "a1B2-c3D4_" * 2,
    "hugging face": "hf_" + "aBcDeFgH" * 4 + "iJ",
    "openai": "sk-" + "a1B2c3D4" * 6,
    "openai project": "sk-" + "proj-" + "a1B2_c3-D4" * 8,
    "anthropic": "sk-" + "ant-api03-" + "a1B2_c3-D4" * 9,
    "openrouter": "sk-" + "or-v1-" + "0123abcd" * 8,
    "slack bot": "xoxb-" + "123456789012-" + "a1B2c3D4e5F6",
    "slack user": "xoxp-" + "123456789012-" + "a1B2c3D4e5F6",
    "aws key id": "AKIA" + "Z7QX2M4N" * 2,
    "aws session key id": "ASIA" + "Z7QX2M4N" * 2,
    "google api": "AIza" + "SyA1b2C3d4" * 3 + "E5f6_",
    "google oauth": "ya29" + "." + "a0AfH6SM-x_" * 4,
    "google client": "GOCSPX" + "-" + "a1B2c3D4" * 3,
    "stripe live": "sk_" + "live_" + "a1B2c3D4" * 3,
    "stripe restricted": "rk_" + "live_" + "a1B2c3D4" * 3,
    "npm": "npm_" + "a1B2c3D4e" * 4,
    "pypi": "pypi-" + "AgEIcHlwaS5vcmc" + "CJDa1B2-c3_" * 4,
    "sendgrid": "SG" + "." + "a1B2c3D4e5F6g7H8i9J0kL" + "." + "a1B2c3D4_-" * 4,
    "digitalocean": "dop" + "_v1_" + "0123abcd" * 8,
    "databricks": "dapi" + "0123abcd" * 4,
    "wandb": "wandb" + "_v1_" + "a1B2c3D4" * 6,
    "groq": "gsk" + "_" + "a1B2c3D4" * 6,
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9" + "." + "eyJzdWIiOiIxMjM0In0" + "." + "SflKxwRJ_SMeKKF2-QT4",
    "private key in base64": "LS0tLS1CRUdJTi" + "BSU0EgUFJJVkFURSBLRVktLS0tLQo" * 2,
}


@pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "pushed with {} at step 3",
        "a={}\nb",
        "['x', '{}']",
        "https://example.org/?id={}&step=1",
        "_({}).",
    ],
)
def test_a_token_of_known_shape_is_found_wherever_it_stands(redactor: Redactor, secret: str, around: str) -> None:
    clean, found = redactor.redact_text(around.format(secret))
    assert clean == around.format(REDACTED)
    assert found
    assert redactor.redact({"note": [around.format(secret)]}) == ({"note": [clean]}, ["note[0]"])
    assert redactor.redact_argv(["train.py", around.format(secret)])[0] == ["train.py", clean]


PEM_BODY = "MIIEpAIBAAKCAQEA" + "x7Kq+9/z" * 6
PEMS = {
    "pkcs8": "-----BEGIN " + f"PRIVATE KEY-----\n{PEM_BODY}\n{PEM_BODY}==\n-----END PRIVATE KEY-----",
    "rsa, encrypted": "-----BEGIN RSA "
    f"PRIVATE KEY-----\nDEK-Info: AES-128-CBC,00\n\n{PEM_BODY}\nAb1=\n-----END RSA PRIVATE KEY-----",
    "openssh": "-----BEGIN OPENSSH " + f"PRIVATE KEY-----\n{PEM_BODY}\n-----END OPENSSH PRIVATE KEY-----",
    "pgp": "-----BEGIN PGP " + f"PRIVATE KEY BLOCK-----\n\n{PEM_BODY}\n-----END PGP PRIVATE KEY BLOCK-----",
    "escaped": "-----BEGIN " + rf"PRIVATE KEY-----\n{PEM_BODY}\n-----END PRIVATE KEY-----\n",
    "cut off": "-----BEGIN " + f"PRIVATE KEY-----\n{PEM_BODY}\n{PEM_BODY}",
}


@pytest.mark.parametrize("pem", PEMS.values(), ids=PEMS)
def test_a_private_key_goes_as_a_whole(redactor: Redactor, pem: str) -> None:
    clean, found = redactor.redact_text(f"before\n{pem}\nafter")
    assert PEM_BODY not in clean
    assert "Ab1=" not in clean
    assert clean.startswith("before\n" + REDACTED)
    assert clean.endswith("\nafter")
    assert found


# ---- in texts: what is around the secret, with {} for the secret

TEXTS = [
    "password={}",
    "password = {} # comment",
    "db_password: {}",
    "Password: {}\nnext: line",
    "PGPASSWORD={} psql -h host",
    "passphrase: '{}'",
    '"client_secret": "{}", "region": "eu"',
    "{{'api_key': '{}', 'lr': 0.1}}",
    '{{\\"secret_key\\": \\"{}\\", \\"lr\\": 1}}',
    "Config(api_key='{}', lr=0.1)",
    "config.hub.access_key = {}",
    "x-api-key: {}",
    "The API key: {} was used",
    "my access key = {};",
    "os.environ['HF_TOKEN'] = '{}'",
    'export WANDB_API_KEY="{}"',
    'password: str = "{}"',
    "api_key: Optional[str] = '{}'",
    "token=b'{}', retries=3",
    'hub_token = r"{}"',
    'Model(password=SecretStr("{}"))',
    'if password == "{}":',
    "+    session_token = '{}'",
    "-password: {}",
    "accessToken => '{}'",
    "a=1&auth_token={}&b=2",
    "https://example.org/f?token={}&step=3",
    "https://example.org/f?step=3&api_key={}",
    "https://x.blob.core.windows.net/c?sv=2020&sig={}&se=2030",
    "https://s3.amazonaws.com/b?X-Amz-Date=2024&X-Amz-Signature={}",
    "AccountName=name;AccountKey={};EndpointSuffix=core.windows.net",
    "Server=tcp:host;UID=sa;PWD={};Encrypt=yes",
    "Authorization: Bearer {}",
    '{{"Authorization": "Bearer {}"}}',
    "curl -H 'Authorization: token {}' https://api.github.com",
    "Proxy-Authorization: Basic {}",
    "sent Bearer {} to the server",
    "python train.py --hub_token {} --lr 0.1",
    "python train.py --hub-token={} --lr 0.1",
    "java -Dapi.key={} -jar x.jar",
    "Command '['train.py', '--hub_token', '{}', '--lr', '0.1']' failed",
    "line one\\npassword={}",
    "  File 'x.py', line 3\n    login(token='{}')\nValueError: no",
    "dsn: {}",
    "%env HF_TOKEN {}",
    "ENV HF_TOKEN {}",
    "machine api.wandb.ai login user password {}",
    "machine api.wandb.ai\n  login user\n  password {}\nmachine other",
    "curl -u user:{} https://example.org",
    "curl -sS --user 'user:{}' https://example.org | tee x",
    "PASS={} ./run.sh",
    'print("token:", token); password = "{}"',
    "GITHUB_PAT: {}",
    "print('x\\napi_key={}')",
]


@pytest.mark.parametrize("around", TEXTS)
@pytest.mark.parametrize("secret", [PASSWORD, TOKEN])
def test_an_assignment_to_a_secret_name_loses_its_value_and_nothing_else(
    redactor: Redactor, around: str, secret: str
) -> None:
    clean, found = redactor.redact_text(around.format(secret))
    assert clean == around.format(REDACTED)
    assert found
    assert secret not in everything(clean, found)


def test_a_connection_string_and_a_cookie_header_lose_every_secret(redactor: Redactor) -> None:
    clean, _ = redactor.redact_text(f"Cookie: a={PASSWORD}; b={TOKEN}\nHost: example.org")
    assert clean == f"Cookie: {REDACTED}\nHost: example.org"
    clean, _ = redactor.redact_text(f"user=me;password={PASSWORD};token={TOKEN};db=x")
    assert clean == f"user=me;password={REDACTED};token={REDACTED};db=x"


def test_a_key_that_is_given_to_a_login_is_told_from_a_commit(redactor: Redactor) -> None:
    key = "0123456789abcdef0123" + "0123456789abcdef0123"
    for login in ("!wandb login {}", "wandb login --relogin {}", "wandb.login(key='{}')", 'login("{}")'):
        assert redactor.redact_text(login.format(key))[0] == login.format(REDACTED)
    for other in (f"wandb sync {key}", f"git checkout {key}", f"login('x') at {key}", "wandb login --verify"):
        assert redactor.redact_text(other) == (other, [])


def test_basic_authorization_is_told_from_basic_words(redactor: Redactor) -> None:
    encoded = "dXNl" + "cjpw" + "YXNz"
    assert redactor.redact_text(f"got Basic {encoded} there")[0] == f"got Basic {REDACTED} there"
    assert redactor.redact_text(f"got Basic {encoded}MQ== there")[0] == f"got Basic {REDACTED} there"
    for words in ("Basic Conv2dBlock here", "Basic understanding of", "basic ResNet50", "Basic block"):
        assert redactor.redact_text(words) == (words, [])


@pytest.mark.parametrize(
    "command",
    [
        "sshpass -p {} ssh ada@example.org",
        "sshpass -p'{}' ssh ada@example.org",
        "mysql -u ada -p{} digits",
        "mysqldump --port 3306 -p'{}' digits",
        "docker login -u ada -p {} ghcr.io",
        "redis-cli -h cache -a {} ping",
    ],
)
def test_short_options_that_are_known_to_take_a_password(redactor: Redactor, command: str) -> None:
    assert redactor.redact_text(f"$ {command.format(PASSWORD)}")[0] == f"$ {command.format(REDACTED)}"
    for harmless in ("mysql -u ada -p digits", "docker run -p 80:80 x", "mkdir -p a/b", "sshpass -p $PASSWORD ssh x"):
        assert redactor.redact_text(harmless) == (harmless, [])


def test_the_names_of_what_was_found_in_a_text_are_given_once_each(redactor: Redactor) -> None:
    text = f"password={PASSWORD} db.password={PASSWORD} password={TOKEN} {ENVIRON['HF_TOKEN']}"
    assert redactor.redact_text(text)[1] == ["HF_TOKEN", "password", "db.password"]


# ---- URLs

URLS = [
    ("https://me:{}@example.org/x.git", "https://[redacted]@example.org/x.git"),
    ("https://{}@github.com/a/b.git", "https://[redacted]@github.com/a/b.git"),
    ("http://{}@localhost:5000", "http://[redacted]@localhost:5000"),
    ("git+https://{}@github.com/a/b@main", "git+https://[redacted]@github.com/a/b@main"),
    ("https://oauth2:{}@gitlab.com/a/b", "https://[redacted]@gitlab.com/a/b"),
    ("https://me:{}@x@example.org", "https://[redacted]@example.org"),
    ("postgresql+psycopg2://me:{}@db:5432/runs", "postgresql+psycopg2://[redacted]@db:5432/runs"),
    ("redis://:{}@cache:6379/0", "redis://[redacted]@cache:6379/0"),
    ("mongodb+srv://me:{}@cluster0.mongodb.net", "mongodb+srv://[redacted]@cluster0.mongodb.net"),
    ("ssh://git:{}@example.org/x", "ssh://[redacted]@example.org/x"),
    (
        "https://hooks.slack.com/services/T00000000/B00000000/{}",
        "https://hooks.slack.com/services/[redacted]",
    ),
]


@pytest.mark.parametrize(("url", "clean"), URLS)
def test_the_user_and_password_of_a_url_go_and_its_host_stays(redactor: Redactor, url: str, clean: str) -> None:
    secret = TOKEN + "p"
    text = f"origin\t{url} (fetch)"
    assert redactor.redact_text(text.format(secret))[0] == f"origin\t{clean} (fetch)"
    assert redactor.redact({"remote": url.format(secret)}) == ({"remote": clean}, ["remote"])
    assert redactor.redact_argv(["clone", url.format(secret)]) == (["clone", clean], ["argv[1]"])


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:a/b.git",
        "ssh://git@github.com/a/b.git",
        "https://github.com/a/b@v1.2",
        "https://medium.com/@someone/post",
        "http://localhost:8080/?q=a@b.c",
        "http://[::1]:8080/x",
        "s3://bucket/path@2024/model.pt",
        "postgres://me@db/runs",
        "docker://repo@sha256:0123",
        "file:///home/me@work/x",
        "mail me@example.org",
        "https://example.org/?page=2&sort_key=loss&max_tokens=5",
        "https://oauth2:${GITLAB_TOKEN}@gitlab.com/a/b",
        "https://{user}:{token}@example.org",
        "https://%s:%s@example.org",
    ],
)
def test_a_url_without_secret_stays(redactor: Redactor, url: str) -> None:
    assert redactor.redact_text(url) == (url, [])


# ---- names

SECRET_NAMES = str.split(
    "password passwd pwd passphrase secret secrets credential credentials apikey api_key api-key api.key "
    "private/key secretKey signing_key access_key auth_token bearer token hf_token hub_token accessToken "
    "github_token session_token api_token client_secret connection_string dsn cookie authorization "
    "Password PASSWORD db_password dbPassword DB_PWD PGPASSWORD APIKey OPENAI_API_KEY openaiApiKey "
    "AWS_SECRET_ACCESS_KEY aws_access_key_id wandb_key HFToken refresh_token optimizer.password "
    "hub.token token2 smtp_pass KAGGLE_KEY ANTHROPIC_KEY GEMINI_KEY GROQ_KEY GH_PAT GITHUB_PAT FERNET_KEY "
    "APP_KEY PASS user.pass"
)
PUBLIC_NAMES = str.split(
    "tokenizer tokenizer_name max_tokens max_new_tokens n_tokens num_tokens tokens tokens_per_step "
    "token_dim pad_token eos_token bos_token unk_token mask_token sep_token cls_token image_token "
    "eos_token_id additional_special_tokens token_type_ids key key_size key_dim num_keys keypoint keys "
    "primary_key sort_key secretary monkey turkey passes author authors auth_mode OLDPWD compass bypass "
    "num_passes password_file api_key_env secret_name token_embedding tokenization cookiecutter keyword "
    "hotkey rng_key public_key encoder pass_rate first_pass forward-pass pattern patch path pat map_key "
    "password_prefix secret_description"
)


@pytest.mark.parametrize("name", [*SECRET_NAMES, "api key", "connection string", "hub token"])
def test_the_name_of_a_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", [*PUBLIC_NAMES, "PWD", "", "_", "mask token", "42", "é"])
def test_a_name_that_only_looks_like_one(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_goes_by_its_name_in_params_options_and_texts(redactor: Redactor, name: str) -> None:
    for secret in (PASSWORD, TOKEN, "with space " + PASSWORD):
        params = {"trainer": {"lr": 0.1, name: secret}, "deep": [{"x": ({name: [secret]},)}]}
        clean, names = redactor.redact(params)
        assert clean["trainer"] == {"lr": 0.1, name: REDACTED}
        assert clean["deep"] == [{"x": ({name: [REDACTED]},)}]
        assert names == [f"trainer.{name}", f"deep[0].x[0].{name}[0]"]
        assert secret not in everything(redactor.redact_argv([f"--{name}={secret}", "x"]))
    if "/" not in name:
        assert redactor.redact_text(f"x {name}={PASSWORD} y")[0] == f"x {name}={REDACTED} y"


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_what_goes_by_another_name_stays(redactor: Redactor, name: str) -> None:
    params = {name: "some value", "nested": [{name: 3}]}
    assert redactor.redact(params) == (params, [])
    assert redactor.redact_argv([f"--{name}", "value"]) == ([f"--{name}", "value"], [])
    assert redactor.redact_text(f"{name}=value, {name}: 3") == (f"{name}=value, {name}: 3", [])


@pytest.mark.parametrize("value", [None, True, False, "", " ", "None", "null", "False", REDACTED, "${HF_TOKEN}"])
def test_what_says_nothing_stays_under_any_name(redactor: Redactor, value: object) -> None:
    params = {"password": value, "token": value, "secrets": [value]}
    assert redactor.redact(params) == (params, [])


def test_a_number_goes_under_a_password_and_stays_under_a_token(redactor: Redactor) -> None:
    params = {"password": 12345, "secret": 0.5, "passphrase": 1, "token": 5, "hub_token": 0.5, "pad_token": 3}
    clean, names = redactor.redact(params)
    assert clean == {**params, "password": REDACTED, "secret": REDACTED, "passphrase": REDACTED}
    assert names == ["password", "secret", "passphrase"]


def test_a_working_directory_is_no_password(redactor: Redactor) -> None:
    assert redactor.redact({"pwd": "/home/me/x"}) == ({"pwd": "/home/me/x"}, [])
    assert redactor.redact_text(f"PWD={Path.cwd()!s} make") == (f"PWD={Path.cwd()!s} make", [])
    assert redactor.redact({"pwd": PASSWORD}) == ({"pwd": REDACTED}, ["pwd"])


def test_a_name_given_from_outside_counts(redactor: Redactor) -> None:
    assert redactor.redact(PASSWORD, "hub.password") == (REDACTED, ["hub.password"])
    assert redactor.redact([TOKEN, "x"], "api_keys") == ([REDACTED, REDACTED], ["api_keys[0]", "api_keys[1]"])
    assert redactor.redact(f"password={PASSWORD}") == (f"password={REDACTED}", ["text"])
    assert redactor.redact({1: {"password": PASSWORD}}, "params")[1] == ["params.1.password"]


# ---- command lines

ARGUMENTS = [
    (["--hub_token", "{}"], ["hub_token"]),
    (["--hub-token={}"], ["hub-token"]),
    (["-token", "{}"], ["token"]),
    (["-Ppassword={}"], ["password"]),
    (["-Dapi.key={}"], ["api.key"]),
    (["db.password={}"], ["db.password"]),
    (["+db.password={}"], ["db.password"]),
    (["++db.password={}"], ["db.password"]),
    (["HF_TOKEN={}"], ["HF_TOKEN"]),
    (["-e", "API_KEY={}"], ["API_KEY"]),
    (["--env=HF_TOKEN={}"], ["HF_TOKEN"]),
    (["--password", "with space {}", "--secret", "{}"], ["password", "secret"]),
    (["-H", "Authorization: Bearer {}"], ["argv[2]"]),
    (["logger={{api_key:{},project:x}}"], ["argv[1]"]),
    (['--config={{"api_key": "{}"}}'], ["argv[1]"]),
    (["https://example.org/?token={}&x=1"], ["argv[1]"]),
    (["bash", "-c", "python x.py --hub_token {} --lr 1"], ["argv[3]"]),
]


@pytest.mark.parametrize(("arguments", "names"), ARGUMENTS)
@pytest.mark.parametrize("secret", [PASSWORD, TOKEN])
def test_a_secret_argument_goes_and_its_option_is_named(
    redactor: Redactor, arguments: list[str], names: list[str], secret: str
) -> None:
    argv = ["train.py", *(argument.format(secret) for argument in arguments), "--lr", "0.1"]
    clean, found = redactor.redact_argv(argv)
    assert secret not in everything(clean, found)
    assert found == names
    assert (len(clean), clean[0], clean[-2:]) == (len(argv), "train.py", ["--lr", "0.1"])
    assert REDACTED in everything(clean)


def test_a_list_of_arguments_among_params_is_read_as_one(redactor: Redactor) -> None:
    params = {"args": ["--hub_token", TOKEN, "--max_tokens", "5", f"--password={PASSWORD}"]}
    clean = {"args": ["--hub_token", REDACTED, "--max_tokens", "5", f"--password={REDACTED}"]}
    assert redactor.redact(params) == (clean, ["args[1]", "args[4]"])


@pytest.mark.parametrize(
    "argv",
    [
        ["--use_auth_token", "True", "--token", "--lr"],
        ["--token", "5", "--token", "None", "--token"],
        ["--tokenizer", "bert-base-uncased", "--max_tokens=5", "--pad_token", "<pad>"],
        ["model.token_dim=64", "+trainer.max_epochs=3", "KEY=VALUE", "--sort_key", "loss"],
        ["--password_file", "/run/x", "--api_key_env=OPENAI_API_KEY", "--hub_token=${HF_TOKEN}"],
        ["--placeholder_token", "<cat-toy>", "--initializer_token", "toy"],
        [],
    ],
)
def test_ordinary_arguments_stay(redactor: Redactor, argv: list[str]) -> None:
    assert redactor.redact_argv(argv) == (argv, [])


# ---- by value


@pytest.mark.parametrize("variable", ["HF_TOKEN", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("around", ["{}", "got {}!", "x{}y", "a/{}/b", "{} {}"])
def test_the_value_of_a_secret_variable_is_found_anywhere(redactor: Redactor, variable: str, around: str) -> None:
    text = around.format(ENVIRON[variable], ENVIRON[variable])
    clean = around.format(REDACTED, REDACTED)
    assert redactor.redact_text(text) == (clean, [variable])
    assert redactor.redact({"note": text}) == ({"note": clean}, ["note"])
    assert redactor.redact_argv([text]) == ([clean], ["argv[0]"])


def test_the_ordinary_value_of_a_secret_variable_stays(redactor: Redactor) -> None:
    text = f"true develop /usr/bin/python a1b 12345678 {Path.cwd()!s} {Path.home()!s} [redacted]"
    assert redactor.redact_text(text) == (text, [])


def test_the_longer_of_two_values_goes_first() -> None:
    redactor = Redactor({"A_TOKEN": "abc-123", "B_TOKEN": "abc-123-def-456"})
    assert redactor.redact_text("x abc-123-def-456 y abc-123")[0] == f"x {REDACTED} y {REDACTED}"


def test_the_environment_is_read_when_the_redactor_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", TOKEN)
    redactor = Redactor()
    monkeypatch.delenv("SOME_API_KEY")
    assert redactor.redact_text(f"x {TOKEN}") == (f"x {REDACTED}", ["SOME_API_KEY"])
    assert TOKEN not in repr(redactor)


def test_variables_that_are_set_later_are_taken_in_on_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", TOKEN)
    redactor = Redactor()
    monkeypatch.setenv("OTHER_API_KEY", PASSWORD)
    monkeypatch.delenv("SOME_API_KEY")
    redactor.refresh()
    assert redactor.redact_text(f"x {PASSWORD} {TOKEN}") == (
        f"x {REDACTED} {REDACTED}",
        ["SOME_API_KEY", "OTHER_API_KEY"],
    )
    monkeypatch.setenv("OTHER_API_KEY", "another-" + TOKEN)
    redactor.refresh()
    assert redactor.redact_text(f"x another-{TOKEN} {PASSWORD}")[0] == f"x {REDACTED} {REDACTED}"


def test_a_text_that_was_harmless_is_looked_at_again_when_a_variable_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor()
    said = {"words": ["my", PASSWORD, 3], "text": f"say {PASSWORD}"}
    assert redactor.redact(said) == (said, [])
    assert redactor.redact(said) == (said, [])
    monkeypatch.setenv("OTHER_API_KEY", PASSWORD)
    assert redactor.redact(said)[0] == {"words": ["my", REDACTED, 3], "text": f"say {REDACTED}"}


def test_a_redactor_of_a_given_environment_stays_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor({})
    monkeypatch.setenv("SOME_API_KEY", TOKEN)
    redactor.refresh()
    assert redactor.redact_text(f"x {TOKEN}") == (f"x {TOKEN}", [])


@pytest.mark.parametrize("shift", [b"", b"\0"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_tokens_and_values_of_variables_are_found_in_files_of_any_format(
    redactor: Redactor, encoding: str, shift: bytes
) -> None:
    for secret in (SHAPES["github classic"], ENVIRON["DB_PASSWORD"], PEMS["rsa, encrypted"]):
        assert redactor.finds_in_bytes(b"\x80\0" + shift + f" {secret} ".encode(encoding) + b"\0\xff")
    for other in (f"password={PASSWORD}", "https://a:b@example.org", "hf_model"):
        assert not redactor.finds_in_bytes(b"\x80\0" + shift + other.encode(encoding))


# ---- what stays: names and values of real trainings

LIGHTNING = {
    "accelerator": "auto", "strategy": "ddp_find_unused_parameters_true", "devices": [0, 1], "num_nodes": 1,
    "precision": "bf16-mixed", "max_epochs": 100, "min_epochs": None, "max_steps": -1,
    "max_time": "00:12:00:00", "limit_train_batches": 1.0, "overfit_batches": 0.0, "val_check_interval": 0.25,
    "check_val_every_n_epoch": 1, "num_sanity_val_steps": 2, "log_every_n_steps": 50,
    "accumulate_grad_batches": 4, "gradient_clip_val": 1.0, "gradient_clip_algorithm": "norm",
    "deterministic": "warn", "benchmark": True, "detect_anomaly": False, "inference_mode": True,
    "use_distributed_sampler": True, "sync_batchnorm": False, "fast_dev_run": False,
    "reload_dataloaders_every_n_epochs": 0, "default_root_dir": "/data/runs/2024-05-01",
    "enable_progress_bar": True, "monitor": "val/loss", "mode": "min", "patience": 3, "min_delta": 1e-4,
    "save_top_k": 3, "save_last": "link", "filename": "{epoch}-{step}-{val_loss:.2f}",
    "every_n_train_steps": None, "auto_insert_metric_name": False, "ckpt_path": "last", "swa_lrs": 1e-2,
    "annealing_strategy": "cos", "plugins": None, "barebones": False, "batch_size": 64, "num_workers": 8,
    "pin_memory": True, "persistent_workers": True, "prefetch_factor": 2,
    "callbacks": ["EarlyStopping", "ModelCheckpoint"], "class_path": "lightning.pytorch.loggers.CSVLogger",
    "seed_everything": 42, "logger": "TensorBoardLogger", "profiler": "simple",
}  # fmt: skip
KERAS = {
    "activation": "relu", "kernel_initializer": "glorot_uniform", "bias_initializer": "zeros", "units": 128,
    "kernel_regularizer": None, "filters": 32, "kernel_size": (3, 3), "strides": [1, 1], "padding": "same",
    "data_format": "channels_last", "dilation_rate": 1, "groups": 1, "use_bias": True, "rate": 0.5,
    "num_heads": 8, "key_dim": 64, "value_dim": None, "use_causal_mask": False, "recurrent_dropout": 0.0,
    "return_sequences": True, "return_state": False, "go_backwards": False, "stateful": False,
    "unroll": False, "input_dim": 20000, "output_dim": 128, "mask_zero": True, "optimizer": "adam",
    "learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False,
    "clipnorm": None, "weight_decay": 4e-3, "loss": "sparse_categorical_crossentropy", "from_logits": True,
    "metrics": ["accuracy", "auc"], "jit_compile": "auto", "steps_per_execution": 1, "validation_split": 0.2,
    "shuffle": True, "initial_epoch": 0, "class_weight": {"0": 1.0, "1": 3.5}, "max_tokens": 20000,
    "output_mode": "int", "ngrams": None, "standardize": "lower_and_strip_punctuation", "split": "whitespace",
    "output_sequence_length": 250, "restore_best_weights": True, "monitor_op": "less", "backend": "torch",
    "dtype_policy": "mixed_float16", "num_tokens": None, "oov_token": "[UNK]", "mask_token": "",
    "vocabulary_size": 30522,
}  # fmt: skip
SKLEARN = {
    "n_estimators": 200, "criterion": "gini", "max_depth": None, "min_samples_split": 2,
    "max_features": "sqrt", "bootstrap": True, "oob_score": False, "n_jobs": -1, "random_state": 0,
    "ccp_alpha": 0.0, "warm_start": False, "monotonic_cst": None, "C": 1.0, "kernel": "rbf", "degree": 3,
    "gamma": "scale", "coef0": 0.0, "tol": 1e-3, "cache_size": 200, "decision_function_shape": "ovr",
    "break_ties": False, "penalty": "l2", "solver": "lbfgs", "l1_ratio": 0.15, "fit_intercept": True,
    "multi_class": "auto", "alpha": 1e-4, "power_t": 0.5, "eta0": 0.01, "n_clusters": 8, "init": "k-means++",
    "n_init": "auto", "algorithm": "lloyd", "metric": "minkowski", "p": 2, "leaf_size": 30,
    "weights": "uniform", "n_components": 50, "svd_solver": "randomized", "whiten": False, "analyzer": "word",
    "token_pattern": r"(?u)\b\w\w+\b", "tokenizer": None, "stop_words": "english", "ngram_range": (1, 2),
    "max_df": 0.95, "sublinear_tf": True, "hidden_layer_sizes": (100,), "cv": 5,
    "param_grid": {"clf__C": [0.1, 1, 10]}, "scoring": "neg_mean_squared_error", "refit": True, "passes": 3,
    "clf__estimator": "sk-learn", "handle_unknown": "ignore", "categories": "auto", "passthrough": False,
    "author": "Ada", "sort_key": "loss", "primary_key": "sample_id", "keys": ["a", "b"],
    "learning_method": "online",
}  # fmt: skip
TRANSFORMERS = {
    "model_name_or_path": "meta-llama/Llama-3.1-8B", "tokenizer_name": "bert-base-uncased",
    "revision": "main", "commit": "9f8b1c0d" * 5, "dataset_sha256": "0123456789abcdef" * 4,
    "run_id": "6fa459ea-ee8a-3ca4-894e-db77e160355e", "output_dir": "./results/run_01",
    "per_device_train_batch_size": 8, "gradient_accumulation_steps": 4,
    "lr_scheduler_type": "cosine_with_restarts", "warmup_ratio": 0.03, "max_grad_norm": 1.0,
    "num_train_epochs": 3.0, "logging_dir": "runs/May01_12-00-00_host", "save_strategy": "epoch",
    "evaluation_strategy": "steps", "load_best_model_at_end": True, "metric_for_best_model": "eval_loss",
    "greater_is_better": False, "report_to": ["tensorboard"], "push_to_hub": False,
    "hub_model_id": "me/my-model", "hub_token": None, "use_auth_token": True, "token": False,
    "fsdp": "full_shard auto_wrap", "deepspeed": "configs/zero3.json", "optim": "adamw_torch_fused",
    "adam_beta1": 0.9, "adafactor": False, "group_by_length": True, "bf16": True, "torch_dtype": "bfloat16",
    "attn_implementation": "flash_attention_2", "gradient_checkpointing": True, "max_seq_length": 2048,
    "max_new_tokens": 256, "num_key_value_heads": 8, "hidden_size": 4096, "vocab_size": 128256,
    "pad_token": "<pad>", "eos_token": "</s>", "bos_token": "<s>", "unk_token": "[UNK]", "cls_token": "[CLS]",
    "sep_token": "[SEP]", "image_token": "<image>", "eos_token_id": 2, "pad_token_id": 0,
    "forced_bos_token": "en_XX", "decoder_start_token_id": 2,
    "additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "top_p": 0.9,
    "chat_template": "{% for m in messages %}{{ m['role'] }}{% endfor %}", "temperature": 0.7,
    "do_sample": True, "lora_r": 16, "lora_alpha": 32, "target_modules": "all-linear",
    "task_type": "CAUSAL_LM", "label_names": None, "tokens_per_second": 12345.6,
    "include_num_input_tokens_seen": False, "token_type_ids": [0, 0, 1], "key_size": 64,
    "special_tokens_map_file": "special_tokens_map.json", "peft_type": "LORA",
    "hf_model": "hf_internal_testing", "placeholder_token": "<cat-toy>", "initializer_token": "toy",
    "task": "task-0123456789abcdefghijkl", "quantization": "nf4", "dataset": "desk-lamp-images-v2",
    "secretary": "none", "auth_mode": "oauth", "pwd": "/home/ada/x",
}  # fmt: skip
ORDINARY = [*LIGHTNING.items(), *KERAS.items(), *SKLEARN.items(), *TRANSFORMERS.items()]


def test_there_are_enough_ordinary_params_to_speak_of() -> None:
    assert len({name for name, _ in ORDINARY}) >= 200


@pytest.mark.parametrize(("name", "value"), ORDINARY, ids=[name for name, _ in ORDINARY])
def test_an_ordinary_param_stays_in_every_form(redactor: Redactor, name: str, value: Any) -> None:
    params = {name: value, "model": {name: [value]}}
    clean, names = redactor.redact(params)
    assert clean is params
    assert names == []
    for text in (f"{name}={value}", f"{name}={value!r}, x=1", f"{name}: {value}", json.dumps(params)):
        assert redactor.redact_text(text) == (text, [])
    argv = [f"--{name}", f"{value}", f"--{name}={value}", f"+model.{name}={value}"]
    assert redactor.redact_argv(argv) == (argv, [])


@pytest.mark.parametrize(
    "text",
    [
        "epoch 3 step 120: loss=0.123 acc: 0.9 lr=1e-3 tokens_per_s=1234 token 5 of 100",
        "KeyError: 'password'",
        "ValueError: unexpected token: 5",
        "TypeError: login() got an unexpected keyword argument 'token'",
        "`token`: The token to use",
        "def login(token: str, key: bytes, password: str | None = None) -> None:",
        "self.password = password",
        "token = os.environ['HF_TOKEN']",
        "token = os.environ.get('HF_TOKEN')",
        "password = getpass.getpass()",
        "api_key=args.api_key, token=hf_token)",
        "token = tokens[i]; next_token: 'x'; key = jax.random.key(0)",
        "mask token: [MASK], EOS token = '</s>'",
        "if token == 'end':",
        "PASSWORD: ${DB_PASSWORD}",
        "f'token={token} key={self.key!r}'",
        "HF_TOKEN=$(cat file)",
        "password=**** token=<token>",
        "import secrets; from tokenizers import Tokenizer",
        "tests/test_token.py::test_secret PASSED",
        "commit 9f8b1c0d9f8b1c0d9f8b1c0d9f8b1c0d9f8b1c0d by Author: Ada",
        "-----BEGIN " + "CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
        "the bearer of news; Bearer token is required; basic training; a secret garden",
        "sk-learn-random-forest-classifier hf_model desk-lamp risk-averse-0123456789abcdefghij npm_config",
        "/home/me/secrets/key.json and C:\\tokens\\x.txt",
        "curl -u $USER:$PASS https://example.org; docker run -u 1000:1000 image; sort -u a:b",
        'print("token:", token); x = "a"; print("my password: " + word)',
        "PASS: test_login, forward pass: 12 ms, bypass=1, pass_rate=high; the machine login screen",
        "%env CUDA_VISIBLE_DEVICES 0\n%env MAX_TOKENS 512\nENV PATTERN a.b",
        "git://host/a_path=x, kernel_pattern: y, app key bindings",
        "",
        "\ud800 lone surrogate \x00 and İstanbul",
    ],
)
def test_an_ordinary_text_stays(redactor: Redactor, text: str) -> None:
    assert redactor.redact_text(text) == (text, [])


# ---- properties

PIECES = [
    *("password", "token", "hub_token", "max_tokens", "api key", "pwd", "cookie", "str", "mask ", "secret"),
    *("=", ":", ": ", "==", "=>", ",", ";", "&", "?", " ", "\n", "\\n", "\\", '"', "'", '\\"', "--", "-P"),
    *("(", ")", "[", "]", "{", "}", "<", ">", "${X}", "$(", "getpass(", "5", "abc", "None", "é", "\ud800"),
    *("https://", "://", "user", "@", "Bearer ", "Basic ", "Cookie: ", "sig=", "sk-", REDACTED, "redacted]"),
    *("-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----", "dXNlcjpwYXNz", PASSWORD),
    *(SHAPES[label] for label in ("github classic", "jwt", "aws key id", "databricks")),
    *ENVIRON.values(),
]
texts = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
names = st.one_of(st.sampled_from([*SECRET_NAMES, *PUBLIC_NAMES]), texts, st.integers())
plain_data = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(names, inner, max_size=4),
    ),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """What has to stay the same: keys without secrets, lengths, and the types of containers."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in Redactor(ENVIRON).redact_names(value).items()]
    if isinstance(value, (list, tuple)):
        return type(value), [shape(item) for item in value]
    return None


@given(plain_data, texts)
def test_redacted_data_keeps_its_structure_and_the_original_is_untouched(value: Any, name: str) -> None:
    before = copy.deepcopy(value)
    clean, found = Redactor(ENVIRON).redact(value, name)
    assert repr(value) == repr(before)
    assert shape(clean) == shape(value)
    assert bool(found) == (repr(clean) != repr(value))
    assert found or clean is value


@given(plain_data, texts)
def test_redacting_data_again_finds_nothing_more(value: Any, name: str) -> None:
    redactor = Redactor(ENVIRON)
    clean, _ = redactor.redact(value, name)
    assert redactor.redact(clean, name) == (clean, [])


@given(texts)
def test_redacting_a_text_again_finds_nothing_more(text: str) -> None:
    redactor = Redactor(ENVIRON)
    clean, found = redactor.redact_text(text)
    assert bool(found) == (clean != text)
    assert redactor.redact_text(clean) == (clean, [])


@given(st.lists(texts, max_size=6))
def test_a_redacted_command_line_has_as_many_arguments_and_nothing_more_to_find(argv: list[str]) -> None:
    redactor = Redactor(ENVIRON)
    before = list(argv)
    clean, found = redactor.redact_argv(argv)
    assert argv == before
    assert len(clean) == len(argv)
    assert bool(found) == (clean != argv)
    assert redactor.redact_argv(clean) == (clean, [])


@given(st.text(), st.sampled_from(sorted(SHAPES)), st.text())
def test_no_surrounding_of_spaces_hides_a_token(before: str, label: str, after: str) -> None:
    clean, _ = Redactor({}).redact_text(f"{before} {SHAPES[label]} {after}")
    assert SHAPES[label] not in clean


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["HF_TOKEN", "DB_PASSWORD"]))
def test_no_surrounding_at_all_hides_the_value_of_a_variable(before: str, after: str, variable: str) -> None:
    redactor = Redactor(ENVIRON)
    text = before + ENVIRON[variable] + after
    assert ENVIRON[variable] not in redactor.redact_text(text)[0]
    assert ENVIRON[variable] not in everything(redactor.redact({"x": [text]}), redactor.redact_argv([text]))


def test_only_the_standard_library_is_imported() -> None:
    code = "import sys, autotrack.redaction; print(*{name.partition('.')[0] for name in sys.modules})"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "torch", "tensorflow"} & set(modules.split())


def test_an_option_and_its_param_are_one_secret_that_is_told_once() -> None:
    cleaner = RecordRedactor()
    started = RunStarted(
        time=1.0, id="a", name="a", experiment="e", argv=["s.py", "--wandb-api-key", "abcdefgh12345678"]
    )
    cleaner.clean(started)
    assert cleaner.news() == "kept out of the record: wandb-api-key"
    cleaner.clean(Params(time=1.0, source="argparse", values={"wandb_api_key": "abcdefgh12345678"}))
    assert cleaner.news() is None
