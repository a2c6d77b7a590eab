"""What people do with a registered model here, done on the server: descriptions, tags, aliases and stages."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from autotrack.sinks.base import ModelState
from autotrack.sinks.owed import Owed
from autotrack.sinks.rest import responses
from autotrack.sinks.rest.client import API, Client, Refused
from autotrack.sinks.rest.cursor import Cursor, CursorFile
from autotrack.sinks.rest.model_versions import TAG, versions
from autotrack.sinks.rest.refusals import Attempts

_STAGES = {"champion": "Production", "production": "Production", "challenger": "Staging", "staging": "Staging"}
"""What aliases are called on servers before MLflow 2.3, which have stages instead."""

_NO_STAGE = "None"
_NOT_FOUND = 404
_ALIAS = "alias "
_TAG_THERE = re.compile(r"tag (.*?)(?: of version (\d+))?", re.DOTALL)


class RegistrySink:
    """Sends what has changed of the registered model in `folder` since it was sent last.

    A version is known on the server by the id of its registration. What the server does not take stays owed, in a file
    below `remote/` in the folder, and is tried again another time. Only one process at a time sends a model.

    Raises `Unreachable` and `Refused`, as `Client` does, and `AutotrackError` when another process is at it.
    """

    def __init__(self, client: Client, folder: Path) -> None:
        self._client, self._folder = client, folder
        self._cursor = Cursor(client.url)
        self._attempts = Attempts(self._cursor)

    @property
    def owed(self) -> Owed:
        """What the server has not taken."""
        return self._cursor.owed

    def send(self, model: ModelState) -> None:
        """Bring the server up to date with the model."""
        file = CursorFile(self._folder, self._client.url)
        file.lock()
        try:
            self._cursor = file.read()
            self._attempts = Attempts(self._cursor)
            try:
                self._send(model)
            finally:
                self._cursor.run_id = self._cursor.run_id or model.name
                file.write(self._cursor)
        finally:
            file.unlock()

    def _send(self, model: ModelState) -> None:
        self._cursor.owed.broken_off = ""
        due = self._changes(model)
        if not due:
            return
        there = {tags[TAG]: number for number, tags in versions(self._client, f"name = '{model.name}'") if TAG in tags}
        if not there:
            return  # none of its versions was sent to this server
        for what, (content, registration, send) in due.items():
            if registration and registration not in there:
                continue
            reason = None
            try:
                send(there.get(registration, ""))
            except Refused as refused:
                if refused.status == 401:
                    raise
                reason = str(refused)
            self._attempts.note(what, content, reason)
        for what in [what for what in self._cursor.owed.refused if what not in due]:
            self._cursor.settle(what)

    def _changes(self, model: ModelState) -> dict[str, tuple[Any, str, Callable[[str], object]]]:
        """Return what the server may lack: what it is, its content, the version that it is about, what sends it."""
        wanted: dict[str, tuple[Any, str, Callable[[str], object]]] = {}
        if model.description or "description" in self._cursor.sent:
            wanted["description"] = (model.description, "", partial(self._describe, model))
        for key, value in model.tags.items():
            wanted[f"tag {key}"] = (value, "", partial(self._tag, model.name, key, value))
        for registration, version in model.versions.items():
            what = f"description of version {version.number}"
            if version.description or what in self._cursor.sent:
                send = partial(self._describe_version, model.name, version.description)
                wanted[what] = (version.description, registration, send)
            for key, value in version.tags.items():
                send = partial(self._tag_version, model.name, key, value)
                wanted[f"tag {key} of version {version.number}"] = (value, registration, send)
        for alias, registration in model.aliases.items():
            wanted[f"{_ALIAS}{alias}"] = (registration, registration, partial(self._alias, model.name, alias))
        wanted |= self._removals(model, [what for what in self._cursor.sent if what not in wanted])
        return {what: one for what, one in wanted.items() if self._attempts.is_due(what, one[0])}

    def _removals(self, model: ModelState, gone: list[str]) -> dict[str, tuple[Any, str, Callable[[str], object]]]:
        """Return what takes aliases and tags away again that the server was given."""
        numbers = {str(version.number): registration for registration, version in model.versions.items()}
        found: dict[str, tuple[Any, str, Callable[[str], object]]] = {}
        for what in gone:
            match = _TAG_THERE.fullmatch(what)
            if what.startswith(_ALIAS):
                found[what] = (None, "", partial(self._remove_alias, model.name, what.removeprefix(_ALIAS)))
            elif match is not None and (not match[2] or match[2] in numbers):
                send = partial(self._remove_tag, model.name, match[1])
                found[what] = (None, numbers.get(match[2] or "", ""), send)
        return found

    def _describe(self, model: ModelState, _: str) -> None:
        self._client.patch("registered-models/update", {"name": model.name, "description": model.description})

    def _tag(self, name: str, key: str, value: str, _: str) -> None:
        self._client.post("registered-models/set-tag", {"name": name, "key": key, "value": value})

    def _describe_version(self, name: str, description: str, version: str) -> None:
        self._client.patch("model-versions/update", {"name": name, "version": version, "description": description})

    def _tag_version(self, name: str, key: str, value: str, version: str) -> None:
        self._client.post("model-versions/set-tag", {"name": name, "version": version, "key": key, "value": value})

    def _remove_tag(self, name: str, key: str, version: str) -> None:
        path, about = ("model-versions", {"version": version}) if version else ("registered-models", {})
        self._client.delete(f"{path}/delete-tag", {"name": name, "key": key, **about})

    def _alias(self, name: str, alias: str, version: str) -> None:
        if self._is_done("POST", {"name": name, "alias": alias, "version": version}):
            return
        if alias not in _STAGES:
            stages = ", ".join(_STAGES)
            raise Refused(
                f"{self._client.url} is too old for aliases; for it, only {stages} can be stages", status=404
            )
        self._set_stage(name, version, _STAGES[alias])

    def _remove_alias(self, name: str, alias: str, _: str) -> None:
        if not self._is_done("DELETE", {"name": name, "alias": alias}) and alias in _STAGES:
            self._leave_stage(name, _STAGES[alias])

    def _is_done(self, method: str, body: Mapping[str, str]) -> bool:
        """Set or remove an alias; return False if the server has no aliases at all."""
        headers = {"Content-Type": "application/json"}
        path = f"{API}registered-models/alias"
        response = self._client.send(method, path, data=responses.encode(body), headers=headers, expected=(200, 404))
        code, _ = responses.error_in(response)
        if response.status_code == _NOT_FOUND and code not in ("", "ENDPOINT_NOT_FOUND"):
            if method == "POST":
                raise Refused(responses.explain(response, self._client.url), status=_NOT_FOUND, error_code=code)
            return True  # it is gone already
        return response.status_code != _NOT_FOUND

    def _set_stage(self, name: str, version: str, stage: str) -> None:
        body: Mapping[str, Any] = {
            "name": name,
            "version": version,
            "stage": stage,
            "archive_existing_versions": stage != _NO_STAGE,
        }
        self._client.post("model-versions/transition-stage", body)

    def _leave_stage(self, name: str, stage: str) -> None:
        """Take the version out of a stage that was given it."""
        found = self._client.post("registered-models/get-latest-versions", {"name": name, "stages": [stage]})
        for version in found.get("model_versions", []):
            self._set_stage(name, str(version["version"]), _NO_STAGE)
