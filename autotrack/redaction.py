"""Secrets are taken out of everything a run records: found by name, by shape and by value."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

REDACTED = "[redacted]"
_words = str.split

# By name: words, what one word may end in ("pgpassword"), and pairs of words.
_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+"
_SECRET_WORDS = _words("passwords passphrases pwd secrets credential credentials creds apikeys connstr")
_SECRET_ENDINGS = ("password", "passwd", "passphrase", "secret", "apikey", "accesskey", "secretkey")
_SECRET_PAIRS = _words(
    "access_key account_key api_key auth_key aws_key azure_key comet_key deploy_key encryption_key hf_key "
    "hmac_key license_key master_key neptune_key openai_key private_key rsa_key secret_key signing_key "
    "ssh_key storage_key wandb_key access_tokens api_tokens auth_tokens hf_tokens refresh_tokens conn_str "
    "conn_string connection_str connection_string access_signature db_pass login_pass redis_pass smtp_pass"
)
# Everyday words as well: they count as the last word only, and a number under them is just a number.
_WEAK_WORDS = _words("token authtoken hftoken hubtoken auth authorization bearer cookie cookies dsn jwt pw")
# As the last word: where a secret is, or how long ("password_file"); not what it is.
_DESCRIBING = _words("dim dir directory endpoint env expiry file len length name path policy size type url")
_VOCABULARY = _words(  # before "token"
    "audio begin blank boi bos byte char class cls current delimiter eoi eos eot end first generated image "
    "initializer input label last latent mask max middle min modifier next null num oov output pad padding "
    "patch per placeholder predicted prefix prev previous prompt query register sep separator soi sos speech "
    "special start stop sub suffix target text trigger unk unknown video vision visual vocab word"
)

# What stays under a secret name: nothing, a reference ("${HF_TOKEN}", "{token}"), a number, a special token.
_NOTHING = r"\s*(?i:none|null|nil|true|false|yes|no|on|off|\*+|\.{3})?\s*"
_REFERENCE = r"\$[A-Z_]+|\$\{[\w.:]+\}|\{+[\w.!()]*\}+|%\(\w+\)s|%[sdr]"
_UNDER_TOKEN = r"[-+]?[\d_]{1,8}(?:\.\d*)?(?:[eE][-+]?\d+)?|</?[^<>\s]*>|\[[A-Z_\d]+\]"  # noqa: S105
_PATH = r"(?:~|\.{0,2}/|[A-Za-z]:[\\/]|file:)[^\n]*|[\w.-]+(?:/[\w.-]+)+\.\w{1,5}"

# By shape: how a token begins, and what follows. A pattern begins with a plain string and is tried only where
# that occurs. All patterns here are compiled at their first use, for the import has to be quick; and all take
# linear time: a run of any length is possessive and last, or cannot hold the start of another match.
_MIXED, _ALPHANUMERIC = r"[\w-]{16,}+(?:\.[\w-]{2,}+)*+", r"[A-Za-z0-9]{20,}"
_TOKENS = {
    **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "GOCSPX-"), _MIXED),
    **dict.fromkeys(("AIza", "ya29.", "pypi-AgE", "wandb_v1_", "nvapi-", "dckr_pat_"), _MIXED),
    **dict.fromkeys(("hf_", "npm_", "pypi-", "gsk_"), _ALPHANUMERIC),
    **dict.fromkeys(("sk_live_", "sk_test_", "rk_live_", "rk_test_"), r"[A-Za-z0-9]{10,}"),
    **dict.fromkeys(("xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-", "xapp-"), r"[\w-]{10,}"),
    **dict.fromkeys(("dop_v1_", "doo_v1_", "dor_v1_", "dapi"), r"[a-f0-9]{32,}(?:-\d+)?(?![A-Za-z0-9])"),
    **dict.fromkeys(("AKIA", "ASIA"), r"[A-Z0-9]{16,}(?![A-Za-z0-9])"),
    "sk-": rf"(?:(?:proj|ant|svcacct|admin|or|lf)-{_MIXED}|{_ALPHANUMERIC})",
    "SG.": r"[\w-]{16,}+\.[\w-]{16,}",
    "eyJ": r"(?<![_-]eyJ)[\w-]{6,}+(?:\.[\w-]{4,}+)++(?:\.[\w-]*+)*+",  # a JWT
    "LS0tLS1CRUdJTi": r"[\w+/]{20,}=*",  # a private key in base64
}
_ASCII = r"[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][\w+/]"  # three characters in base64
_USER, _PARAMETER = r"[^\s/?#\"'`<>\\]", r"(?!\[redacted\])[^\s&#\"'`<>\\]+"
_SHAPES = {  # what is in group 1 stays
    "-----BEGIN ": r"-----BEGIN ()[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-(?!----))*+-----END [A-Z ]{0,60}-----|(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{40,}+)*+)",
    **{key: rf"{re.escape(key)}((?<![A-Za-z0-9]{re.escape(key)})){rest}" for key, rest in _TOKENS.items()},
    **dict.fromkeys(("Bearer ", "bearer "), r"(earer )(?=[\w.~+/-]*[\dA-Z]|[\w.~+/-]{20})[\w.~+/-]{8,}=*"),
    **dict.fromkeys(("Basic ", "basic "), rf"(asic )(?:{_ASCII}){{2,}}(?:\w\w==|\w{{3}}=)?(?![\w+/=])"),
    **dict.fromkeys(("Cookie: ", "cookie: "), r"(ookie: )(?=[\w.-]+=)[^\r\n\"'`]*"),
    **{key: rf"({key})[\w/-]{{20,}}" for key in ("hooks.slack.com/services/", "/api/webhooks/")},
    **{key: rf"({key})(?<=[?&-]{key}){_PARAMETER}" for key in ("sig=", "Signature=")},
    "://": r"(://)(?!\[redacted\]@)"
    rf"(?:(?:(?!:){_USER})*+:{_USER}+|(?:(?<=http://)|(?<=https://)){_USER}+)(?=@)",
}

# By name inside a text: from the stem of a secret name up to where its value begins. To scan for the stems
# and read the name backwards from there is four times as fast as to look at every word.
_STEMS = _words("pass|w secret|tring cred|ookie|onn_?str token key auth bearer dsn jwt")  # of one letter each
_STEM = "|".join(f"{s[0]}(?:{s[1:]})|{s[0].upper()}(?:{s[1:]}|{s[1:].upper()})" for s in _STEMS)
_ASSIGNMENT = rf"""(?x)(?P<tail>(?:{_STEM})[\w.\-]{{0,64}}+)
    (?:\\*["']?\]?[ \t]*+
       (?P<sign>:[ \t]*+(?:[\w.]{{1,30}}\[)?(?:str|bytes|Any|SecretStr)\b(?:,[ ]?None)?[\w\[\]|. ]{{0,40}}=
          |[:=!]=|=>|=|:(?!:|//))[ \t]*+
     |["'],[ \t]*+(?=["'])|[ \t]++(?!-))"""  # without a sign: "--hub_token xxx", in a printed list or bare
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_SCHEME = r"(?:(?i:bearer|basic|token|digest|apikey|negotiate)[ \t]+)?"
_VALUE = rf"""(?xm)(?P<call>[A-Za-z_.]+\()?[bBrRuUfF]{{0,2}}(?P<quote>"{{3}}|'{{3}}|["'`]){_SCHEME}
      (?P<quoted>(?:\\.|(?!(?P=quote))[^\\\n])*+)
    |{_SCHEME}(?:(?P<escape>\\+["']){_SCHEME}(?P<escaped>[^\n]*?)(?=(?P=escape)|$)
      |(?P<bracket>[\[({{][^\])}}\r\n]*+[\])}}]?)
      |(?P<bare>(?:[^\s"'`,;&]|[,;&](?![ \t]*+[\w.\-]*+[=:]))++))"""
# Code that passes a secret on or says its type: "getpass()", "os.environ[", "${{ secrets.X }}", "str | None".
_CODE = (
    r"\$\(|\$\{\{|[A-Za-z_.]*\.[a-z_]+\(|[A-Za-z_.]+(?:\((?![\"'])|\[[\"'\w:-])"
    r"|(?:str|bytes|int|float|bool|[aA]ny|object|[sS]tring|SecretStr|(?:torch\.)?Tensor)(?![\w(-])"
)
# A reference to a secret. "password=my_password" may well be a password, "token=hf_token" hardly a token.
_PASSED_ON = r"(?i)(?:[A-Za-z_]+\.)+[A-Za-z_]+|[A-Za-z_]+(?:token|key)"

# By name on a command line: "-Ppassword=", "++db.password=", "--env=HF_TOKEN=".
_OPTION = r"--?([A-Za-z][\w.\-]+)"
_KEY = r"(?:-[A-Z](?=[a-z]))?[-+~]*([\w.@/\-]+)="


@lru_cache(maxsize=4096)
def _secrecy(name: str) -> Literal["", "weak", "strong"]:
    words = [word.lower() for word in re.findall(_WORD, name)]
    pairs = [f"{first}_{second}" for first, second in pairwise(words)]
    if not words or words[-1] in _DESCRIBING or (words[-1] == "token" and words[-2:][0] in _VOCABULARY):
        return ""
    if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS) for word in words):
        return "strong"
    if any(pair in _SECRET_PAIRS or pair.removesuffix("s") in _SECRET_PAIRS for pair in pairs):
        return "strong"
    return "weak" if words[-1] in _WEAK_WORDS else ""


def is_secret_name(name: str) -> bool:
    """Whether what goes by this name is taken for a secret: ``hub_token`` is, ``max_tokens`` is not.

    The words of the name decide; ``_ - . /``, spaces, digits and camelCase part them. The shell's ``PWD`` is
    a folder and no secret; a parameter called ``pwd`` is one, unless it holds a path.
    """
    return name != "PWD" and _secrecy(name) != ""


def secret_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return those variables of an environment that hold secrets, by their names."""
    return {name: value for name, value in environ.items() if is_secret_name(name)}


def _hides(name: str, value: str) -> bool:
    """Whether a value is a secret by its name."""
    secrecy = _secrecy(name)
    if not secrecy or value == REDACTED or re.fullmatch(f"{_NOTHING}|{_REFERENCE}", value):
        return False
    harmless = _UNDER_TOKEN if secrecy == "weak" else _PATH if name.lower().endswith("pwd") else _NOTHING
    return not re.fullmatch(harmless, value)


def _redact_assigned(text: str, found: list[str]) -> str:
    pieces: list[str] = []
    done = 0
    for match in re.finditer(_ASSIGNMENT, text):
        before = text[max(done, match.start() - 64) : match.start()]
        if match.start() < done or not (match["sign"] or "--" in before):
            continue
        name = _name_of(before, match["tail"])
        value = _value_of(match, name) if name and (match["sign"] or name.startswith("--")) else None
        if value:
            start, end, secret = value
            pieces += (text[done:start], REDACTED if secret else text[start:end])
            found += [name.lstrip("-.")] * secret
            done = end
    return "".join([*pieces, text[done:]])


def _name_of(before: str, tail: str) -> str:
    """The name, if it is a secret one, from its `tail` and the text `before`."""
    rest = before.rstrip(_NAME)
    name = before[len(rest) :] + tail
    if rest.endswith("\\") and name[0] in "nrt" and name != tail:
        name = name[1:]  # a "\n" of two characters, in escaped text
    elif name.startswith("-"):
        name = re.sub("^-[A-Z](?=[a-z])", "", name)  # "-Papi.key="
    if name.lower() in ("key", "keys", "string", "token") and rest.endswith(" "):
        phrase = rest[len(rest[:-1].rstrip(_NAME)) :] + name  # "API key: ...", "mask token: ..."
        name = name if _secrecy(phrase) == _secrecy(name) else phrase
    return name if _secrecy(name) else ""


def _value_of(assignment: re.Match[str], name: str) -> tuple[int, int, bool] | None:
    """Where the value begins and ends, and whether it is secret; None if it is code."""
    text, start = assignment.string, assignment.end()
    quoted = text.startswith(('"', "'"), start)
    compared = assignment["sign"] in ("==", "!=") and (not quoted or _secrecy(name) == "weak")
    skip = compared or re.compile(_CODE).match(text, start)
    match = None if skip else re.compile(_VALUE).match(text, start)
    if not match:
        return None
    kind = match.lastgroup or ""
    value = stripped = match[kind]
    if kind == "bare":
        stripped = value.rstrip(")]},;:.>\\")
        passed_on = re.fullmatch(_PASSED_ON, stripped) and is_secret_name(stripped)
        code = bool(passed_on) or stripped.lower() == name.rpartition(".")[2].lower()
    elif kind == "bracket":
        code = not any(_hides(name, part.strip(" \"'")) for part in value.strip("[](){}").split(","))
    else:  # os.getenv("HF_TOKEN"), getpass("Password: ")
        code = bool(match["call"]) and is_secret_name(value[:64])
    secret = not code and _hides(name, value) and _hides(name, stripped) and any(map(str.isalnum, value))
    return match.start(kind), match.start(kind) + len(stripped), secret


def _option_of(argument: object, before: object) -> str:
    """The secret option before an argument that is its value."""
    option = re.fullmatch(_OPTION, before) if isinstance(before, str) else None
    if not option or not is_secret_name(option[1]) or re.match("-(?!----BEGIN)", str(argument)):
        return ""
    return option[1]


def _searchable(value: str) -> bool:
    """Whether a secret value of the environment is special enough to be replaced wherever it occurs."""
    ordinary = re.fullmatch(r"[a-z]{,10}|[A-Z][a-z]{,9}|[A-Z]{,10}|[-+\d.,:eE_]{,11}", value)
    # Base64 may begin with "/" too.
    path = os.path.exists(value) or (re.fullmatch(_PATH, value) and not re.search("[+=]", value))  # noqa: PTH110  Path raises for what is no path
    return len(value) >= 6 and not ordinary and not path and value not in REDACTED and "redacted" not in value


class Redactor:
    """Replaces the secrets in what a run records by ``"[redacted]"``.

    Found: what goes by a secret name (`is_secret_name`) in dicts, on command lines and in texts; the tokens
    of well-known services, private keys, JWTs, bearer and basic authorization; users and passwords, secret
    parameters and signatures in URLs; the values of environment variables with secret names, anywhere.

    Not found: a secret with an everyday name and no known shape (40 hex digits may be a commit), in the keys
    of a dict, in bytes or other objects, encoded (percent, base64), over several lines, after a short option
    (``-phunter2``), in XML, or like code in a text (``password=name(``, ``token=my_token``). What is under 6
    characters, up to 10 letters, a number or a path is not searched for as a value of the environment: it
    would match too much else. In prose, an everyday word after ``password:`` is replaced although it is none.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Keep the secret values of `environ`; None is the environment of this process, as it is now."""
        variables = secret_variables(os.environ if environ is None else environ)
        secrets = {value.strip(): name for name, value in variables.items()}
        longest_first = sorted(filter(_searchable, secrets), key=len, reverse=True)  # one may contain another
        self._values = {value: secrets[value] for value in longest_first}

    def redact(self, value: Any, name: str = "") -> tuple[Any, list[str]]:
        """Plain data without its secrets, and the dotted names of what was replaced: ``"hosts[0].password"``.

        `value` is str, int, float, bool, None, or lists, tuples and dicts of them; what else there is stays.
        It is never changed; where nothing was replaced the same object comes back. A string outside of any
        list or dict is called `name`, or ``"text"``.
        """
        names: list[str] = []
        return self._redact(value, name, name, names), names

    def redact_argv(self, argv: Sequence[str]) -> tuple[list[str], list[str]]:
        """A command line without its secrets, and the names of their options (else ``"argv[3]"``)."""
        clean = [self._redact_argument(v, _option_of(v, before)) for before, v in pairwise(["", *argv])]
        names = [name or f"argv[{i}]" for i, (text, name) in enumerate(clean) if text != argv[i]]
        return [text for text, _ in clean], list(dict.fromkeys(names))

    def redact_text(self, text: str) -> tuple[str, list[str]]:
        """A text without its secrets, and their names, their variables or how they begin (``"ghp_..."``)."""
        found = [variable for value, variable in self._values.items() if value in text]
        for value in self._values:
            text = text.replace(value, REDACTED)
        for start, pattern in _SHAPES.items():
            if start in text:
                text, count = re.subn(pattern, rf"\1{REDACTED}", text)
                found += [f"{start}..."] * bool(count)
        return _redact_assigned(text, found), list(dict.fromkeys(found))

    def _redact(self, value: Any, name: str, called: str, names: list[str]) -> Any:
        """`called` tells how secret it is: the name, or the option before it, should a list be an argv."""
        known = len(names)
        clean: Any = value
        if isinstance(value, dict):
            inner = {key: f"{name}.{key}" if name else str(key) for key in value}
            clean = {key: self._redact(item, inner[key], inner[key], names) for key, item in value.items()}
        elif isinstance(value, (list, tuple)):
            options = [_option_of(item, before) for before, item in pairwise(["", *value])]
            calls = [called if _secrecy(called) or not option else option for option in options]
            clean = [self._redact(item, f"{name}[{i}]", calls[i], names) for i, item in enumerate(value)]
            clean = clean if isinstance(value, list) else tuple(clean)
        elif isinstance(value, str):
            clean = self.redact_text(value)[0]
            clean = REDACTED if _hides(called, clean) else clean
            names += [name or "text"] * (clean != value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and _secrecy(called) == "strong":
            clean = REDACTED
            names.append(name)
        return value if len(names) == known else clean

    def _redact_argument(self, argument: str, option: str) -> tuple[str, str]:
        start, name = 0, option
        while not name and (key := re.compile(_KEY).match(argument, start)):
            start, name = key.end(), key[1] if is_secret_name(key[1]) else ""
        if _hides(name, self.redact_text(argument[start:])[0]):
            return self.redact_text(argument[:start])[0] + REDACTED, name
        return self.redact_text(argument)[0], ""
