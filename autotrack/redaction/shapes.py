"""The shapes of secrets: tokens of well-known services, private keys, URLs with passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autotrack.redaction.names import REFERENCE

# How a token begins, and what follows. A pattern begins with a plain string, and is only tried where that occurs.
# Patterns are compiled at their first use, because the import has to be quick. All of them take linear time: a part of
# any length is possessive and last, or cannot contain the start of another match.
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
_HEX = r"[0-9a-f]{40}(?![0-9a-f])"
_GIVEN = rf"(?!\[redacted\]|{REFERENCE})"  # not the name of a variable

_KEY = (
    r"-----BEGIN ()[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-(?!----))*+-----END [A-Z ]{0,60}-----|(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{40,}+)*+)"
)
_TOKEN_PATTERNS = {
    key: rf"{re.escape(key)}((?<![A-Za-z0-9]{re.escape(key)})|(?<=\\[nrt]{re.escape(key)})){rest}"
    for key, rest in _TOKENS.items()
}
TOKENS = {"-----BEGIN ": _KEY, **_TOKEN_PATTERNS}  # these are secrets in any file
SHAPES = {  # the text in group 1 stays
    **TOKENS,
    **dict.fromkeys(("Bearer ", "bearer "), r"(earer )(?=[\w.~+/-]*[\dA-Z]|[\w.~+/-]{20})[\w.~+/-]{8,}=*"),
    **dict.fromkeys(("Basic ", "basic "), rf"(asic )(?:{_ASCII}){{2,}}(?:\w\w==|\w{{3}}=)?(?![\w+/=])"),
    **dict.fromkeys(("Cookie: ", "cookie: "), r"(ookie: )(?=[\w.-]+=)[^\r\n\"'`]*"),
    **{key: rf"({key})[\w/-]{{20,}}" for key in ("hooks.slack.com/services/", "/api/webhooks/")},
    **{key: rf"({key})(?<=[?&-]{key}){_PARAMETER}" for key in ("sig=", "Signature=")},
    "://": rf"(://)(?!\[redacted\]@|(?:(?!:){_USER})*+:(?:{REFERENCE})@|(?:{REFERENCE})@)"
    rf"(?:(?:(?!:){_USER})*+:{_USER}+|(?:(?<=http://)|(?<=https://)){_USER}+)(?=@)",
    "wandb login ": rf"(wandb login (?:-\S*+[ ]++|http\S*+[ ]++)*+){_HEX}",
    "login(": rf"(login\([^()\r\n\"']*+[\"']){_HEX}",
    "machine ": rf"(machine\s++\S++\s++(?:login\s++\S++\s++)?password\s++){_GIVEN}\S++",  # .netrc
    "curl ": r"(curl(?=[ ])(?:(?!\s(?:-u|-U|--user|--proxy-user)|curl[ ])[^\r\n])*+"
    rf"\s(?:-[uU]|--user|--proxy-user)[ =]?[\"']?[^\s:\"'`]++:){_GIVEN}[^\s\"'`]++",
    # Short options that are known to take a password.
    "sshpass ": rf"(sshpass\s++-p[ ]*+[\"']?){_GIVEN}[^\s\"'`]++",
    "mysql": rf"(mysql(?:dump|admin)?+(?=[ ])(?:(?!\s-p|mysql)[^\r\n])*+\s-p[\"']?){_GIVEN}[^\s\"'`]++",
    "docker login": rf"(docker login(?=[ ])(?:(?!\s-p|docker)[^\r\n])*+\s-p[ ]++[\"']?){_GIVEN}[^\s\"'`]++",
    "redis-cli ": rf"(redis-cli(?=[ ])(?:(?!\s-a|redis-cli)[^\r\n])*+\s-a[ ]++[\"']?){_GIVEN}[^\s\"'`]++",
}


def secrets(text: str, shapes: dict[str, str] = SHAPES) -> Iterator[tuple[int, int, str]]:
    """Yield where secrets begin and end in a text, and their first characters (``"ghp_..."``). They may overlap."""
    for beginning, pattern in shapes.items():
        if beginning in text:
            for match in re.finditer(pattern, text):
                yield match.end(1) if match[1] else match.start(), match.end(), f"{beginning}..."


_Tree = dict[str, "_Tree"]


def either(strings: list[str]) -> str:
    """Return a pattern that matches any of these strings. Written as a tree, it is twice as fast as a list."""
    tree: _Tree = {}
    for string in strings:
        branch = tree
        for character in string:
            branch = branch.setdefault(character, {})
        branch[""] = {}
    return _pattern(tree)


def _pattern(tree: _Tree) -> str:
    branches = [re.escape(character) + _pattern(branch) for character, branch in tree.items() if character]
    return "" if "" in tree else f"(?:{'|'.join(branches)})" if len(branches) > 1 else branches[0]
