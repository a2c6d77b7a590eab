"""The tab "Runs" of TensorBoard: the page, live, on the runs that TensorBoard was given.

TensorBoard imports this at its start and asks whether the tab is to be shown, so both have to cost nothing. What reads
runs is imported when somebody opens the tab.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tensorboard.plugins import base_plugin  # type: ignore[import-untyped]  # it comes without types

if TYPE_CHECKING:
    from autotrack.report.live_runs import LiveRuns

Respond = Callable[[str, list[tuple[str, str]]], object]
App = Callable[[dict[str, Any], Respond], Iterable[bytes]]

_MOST_KEYS = 200


class RunsTab(base_plugin.TBPlugin):  # type: ignore[misc]  # a class without types
    """A plugin of TensorBoard. It keeps `logdir`, or the folders of `logdir_spec`, and does nothing else at first."""

    plugin_name = "autotrack"

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._places = _places(context)
        self._runs: LiveRuns | None = None
        self._is_active = False

    def get_plugin_apps(self) -> Mapping[str, App]:
        """Return what answers each request, by its path."""
        return {
            "/page.js": _page,
            "/page.css": _page,
            "/runs": self._answer(lambda runs, asked: runs.table(asked("since"))),
            "/run": self._answer(lambda runs, asked: runs.details(asked("key"))),
            "/curves": self._answer(lambda runs, asked: runs.curves(asked("key"))),
            "/part": self._answer(
                lambda runs, asked: runs.part_of_curve(
                    asked("key"), asked("metric"), _whole(asked("first")), _whole(asked("after"))
                )
            ),
            "/comparison": self._answer(lambda runs, asked: runs.comparison(asked("before"), asked("after"))),
            "/importances": self._answer(lambda runs, _: runs.importances()),
            "/sparks": self._answer(
                lambda runs, asked: runs.sparks(asked("metric"), asked("keys").split(",")[:_MOST_KEYS])
            ),
        }

    def is_active(self) -> bool:
        """Return whether there are runs of autotrack: TensorBoard shows a tab only then."""
        from autotrack.report.folders import has_runs

        self._is_active = self._is_active or any(map(has_runs, self._places))
        return self._is_active

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Return how the tab is called and started. It looks for new points itself."""
        return base_plugin.FrontendMetadata(es_module_path="/page.js", tab_name="Runs", disable_reload=True)

    def _answer(self, ask: Callable[["LiveRuns", Callable[[str], str]], Any]) -> App:
        def answer(environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
            from autotrack.errors import AutotrackError, RunNotFoundError
            from autotrack.report.live_runs import LiveRuns

            self._runs = self._runs or LiveRuns(self._places)
            parameters = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
            try:
                found = ask(self._runs, lambda name: parameters.get(name, [""])[0])
            except RunNotFoundError as error:
                return _json({"error": str(error)}, respond, "404 Not Found")
            except (OSError, AutotrackError) as error:
                return _json({"error": str(error)}, respond, "500 Internal Server Error")
            return _json(found, respond)

        return answer


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0


def _places(context: base_plugin.TBContext) -> list[Path]:
    """Return the folders that TensorBoard was given."""
    spec = getattr(context.flags, "logdir_spec", "") or ""
    named = [part.partition(":")[2] or part for part in spec.split(",")] if not context.logdir else [context.logdir]
    return [Path(place).expanduser() for place in named if place and "://" not in place]


def _json(value: Any, respond: Respond, status: str = "200 OK") -> Iterable[bytes]:
    from autotrack.report.encoding import encoded

    content = encoded(value)
    respond(status, _headers("application/json", content))
    return [content]


def _page(environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
    """Answer with the script of the page, or with its style sheet."""
    from autotrack.report.bundle import module, style

    is_style = environ.get("PATH_INFO", "").endswith(".css")
    content = (style() if is_style else module("tab_page", "render")).encode()
    respond("200 OK", _headers(f"text/{'css' if is_style else 'javascript'}; charset=utf-8", content))
    return [content]


def _headers(kind: str, content: bytes) -> list[tuple[str, str]]:
    return [
        ("Content-Type", kind),
        ("Content-Length", str(len(content))),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-cache, must-revalidate"),
    ]
