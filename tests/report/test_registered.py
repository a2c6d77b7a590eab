"""The page of a run says which versions its model has become, and where such a version comes from."""

from pathlib import Path

import autotrack
from autotrack.model_names import Reference
from autotrack.models import aliases
from autotrack.models.registry import Registry
from autotrack.report.registered import registered


def test_a_run_names_the_versions_that_come_from_it_with_aliases_and_lineage(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    for name in ("first", "second"):
        with autotrack.start_run("outer", to=store) as outer, autotrack.start_run(name, to=store) as run:
            file = run.folder / "model" / "model.joblib"
            file.parent.mkdir()
            file.write_bytes(name.encode())
            run._record_artifact(file, kind="model")
            run.log_dataset("validate", [1.0, 2.0])
        autotrack.load(run.folder).register("digits", description=f"the {name}")
    aliases.move_alias(Registry(store), Reference("digits", 2), "champion")
    recorded = autotrack.load(run.folder)
    (version,) = registered(recorded.folder, recorded.summary)
    assert (version["name"], version["version"], version["aliases"]) == ("digits", 2, ["champion"])
    assert (version["description"], version["weights"]) == ("the second", "last")
    assert version["runs_before"] == [{"how": "part of", "id": outer.id}]
    assert [data["role"] for data in version["datasets"]] == ["validate"]
    Registry(store).remove("digits")
    assert registered(recorded.folder, recorded.summary) == []
