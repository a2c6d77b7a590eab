"""Switches autolog on before anything is imported: `pytest -p tests.autotrack_sklearn.autolog_plugin`."""

import autotrack

autotrack.autolog()
