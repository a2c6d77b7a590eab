"""Tells which names are those of secrets, and which values under such a name are not secret."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Literal

REDACTED = "[redacted]"
_words = str.split

# Single words, endings of words ("pgpassword"), and pairs of words.
_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+"
_SECRET_WORDS = _words("passwords passphrases pwd secrets credential credentials creds apikeys connstr")
_SECRET_ENDINGS = ("password", "passwd", "passphrase", "secret", "apikey", "accesskey", "secretkey")
_KEYS_OF = _words(
    "access account anthropic api app auth aws azure cohere comet deploy encryption fernet gemini google groq hf hmac "
    "kaggle langchain langsmith license login master mistral neptune openai openrouter private replicate rsa secret "
    "signing ssh storage tavily together wandb"
)
_PASSES_OF = _words("admin db email ftp login mail my mysql pg proxy rabbitmq redis root smtp ssh sudo user")
_TOKENS_OF = _words("access api auth bearer github gitlab hf huggingface refresh slack wandb")
_SECRET_PAIRS = frozenset(
    [f"{owner}_key" for owner in _KEYS_OF]
    + [f"{owner}_pass" for owner in _PASSES_OF]
    + [f"{owner}_token" for owner in _TOKENS_OF]
    + _words(
        "access_tokens api_tokens auth_tokens hf_tokens refresh_tokens conn_str conn_string connection_str "
        "connection_string access_signature gh_pat github_pat gitlab_pat azure_pat ado_pat"
    )
)
# These are everyday words as well: they count only as the last word, and a number under them is just a number.
_WEAK_WORDS = _words("token authtoken hftoken hubtoken auth authorization bearer cookie cookies dsn jwt pw")
_ALONE = r"(?i)(?:.*[.\]])?-*pass(?:\[\d+\])*"  # "pass" is secret, "first_pass" is not
# As the last word, these tell where a secret is, or how long it is ("password_file"), but not the secret itself.
_DESCRIBING = _words(
    "description dim dir directory endpoint env expiry fd file hint label len length name path placeholder policy "
    "prefix size title type url"
)
_VOCABULARY = _words(  # before "token"
    "audio begin blank boi bos byte char class cls current delimiter eoi eos eot end first generated image "
    "initializer input label last latent mask max middle min modifier next null num oov output pad padding "
    "patch per placeholder predicted prefix prev previous prompt query register sep separator soi sos speech "
    "special start stop sub suffix target text trigger unk unknown video vision visual vocab word"
)

# Values that stay under a secret name: none, a reference ("${HF_TOKEN}", "{token}"), a number, a special token.
NOTHING = r"\s*(?i:none|null|nil|true|false|yes|no|on|off|\*+|\.{3})?\s*"
REFERENCE = r"\$[A-Z_]+|\$\{[\w.:]+\}|\{+[\w.!()]*\}+|%\(\w+\)s|%[sdr]"
_UNDER_TOKEN = r"[-+]?[\d_]{1,8}(?:\.\d*)?(?:[eE][-+]?\d+)?|</?[^<>\s]*>|\[[A-Z_\d]+\]"  # noqa: S105
PATH = r"(?:~|\.{0,2}/|[A-Za-z]:[\\/]|file:)[^\n]*|[\w.-]+(?:/[\w.-]+)+\.\w{1,5}"


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, which are separated by ``_ - . /``, spaces, digits and camelCase."""
    return tuple(word.lower() for word in re.findall(_WORD, name))


@lru_cache(maxsize=4096)
def secrecy(name: str) -> Literal["", "weak", "strong"]:
    """Return how surely something with this name is a secret."""
    words = words_of(name)
    pairs = [f"{first}_{second}" for first, second in pairwise(words)]
    if not words or words[-1] in _DESCRIBING or (words[-1] == "token" and words[-2:][0] in _VOCABULARY):
        return ""
    if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS) for word in words):
        return "strong"
    if any(pair in _SECRET_PAIRS or pair.removesuffix("s") in _SECRET_PAIRS for pair in pairs):
        return "strong"
    return "weak" if words[-1] in _WEAK_WORDS or re.fullmatch(_ALONE, name) else ""


def is_secret_name(name: str) -> bool:
    """Return whether something with this name is taken for a secret: ``hub_token`` is, ``max_tokens`` is not.

    The words of the name decide; they are separated by ``_ - . /``, spaces, digits and camelCase. The shell's ``PWD``
    is a folder and not a secret. A parameter called ``pwd`` is a secret, unless it holds a path.
    """
    return name != "PWD" and secrecy(name) != ""


def hides(name: str, value: str) -> bool:
    """Return whether a value under this name is a secret."""
    degree = secrecy(name)
    if not degree or value == REDACTED or re.fullmatch(f"{NOTHING}|{REFERENCE}", value):
        return False
    harmless = _UNDER_TOKEN if degree == "weak" else PATH if name.lower().endswith("pwd") else NOTHING
    return not re.fullmatch(harmless, value)
