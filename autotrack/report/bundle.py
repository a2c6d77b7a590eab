"""Puts the modules of the page together into one script: a file can load none, and a tab is there sooner with one.

Each module becomes a function that returns its exports, called in the order in which they need each other. The page
keeps to what this understands: `import { a, b } from "./other.js";`, and `export` in front of a function, a class or a
constant, or before names in braces. A module that does anything else is refused.
"""

import re
from functools import cache
from importlib.resources import files

_PAGE = files("autotrack.report") / "page"

_IMPORT = re.compile(r'^import \{([^}]+)\} from "\./([\w/]+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
_EXPORTS = re.compile(r"^export \{([^}]+)\};$", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def text_of(name: str) -> str:
    """Return the content of a file of the page, by its path in the folder `page`."""
    return _PAGE.joinpath(*name.split("/")).read_text(encoding="utf-8")


@cache
def script(entry: str) -> str:
    """Return a module, by its name without `.js`, with all that it imports, as one script."""
    return f'(() => {{\n"use strict";\n{_joined(entry)}\n}})();\n'


@cache
def module(entry: str, exported: str) -> str:
    """Return the same as one module, which exports one of the names that `entry` exports."""
    return f"{_joined(entry)}\nexport const {exported} = {_variable(entry)}.{exported};\n"


@cache
def style() -> str:
    """Return the style sheets of the page as one."""
    return text_of("vendor/uPlot.css") + text_of("page.css")


def _joined(entry: str) -> str:
    modules: dict[str, str] = {}
    _add(entry, modules, ())
    return "\n".join(modules.values())


def _add(name: str, modules: dict[str, str], above: tuple[str, ...]) -> None:
    if name in modules:
        return
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' → '.join((*above, name))}")
    text = text_of(f"{name}.js")
    exports = [
        *_EXPORT.findall(text),
        *(part.strip() for found in _EXPORTS.findall(text) for part in found.split(",")),
    ]
    for _, other in _IMPORT.findall(text):
        _add(_inside(name, other), modules, (*above, name))
    body = _IMPORT.sub(lambda found: f"const {{{found[1]}}} = {_variable(_inside(name, found[2]))};", text)
    body = _EXPORTS.sub("", re.sub(r"^export (?=async |function|class|const|let)", "", body, flags=re.MULTILINE))
    if (other_use := _OTHER.search(body)) or "</script" in body.lower():
        raise ValueError(f"{name}.js cannot be bundled: {other_use[0] if other_use else '</script'}")
    modules[name] = f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exports)} }};\n}})();"


def _inside(module: str, imported: str) -> str:
    """Return the name of a module as seen from the folder `page`."""
    folder = module.rpartition("/")[0]
    return f"{folder}/{imported}" if folder else imported


def _variable(name: str) -> str:
    return f"module_{name.replace('/', '_')}"
