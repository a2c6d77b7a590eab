PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo test check format benchmark own-tests clean

demo: $(STAMP)  ## train on the digits that ship with scikit-learn, and show what was recorded
	$(BIN)/python examples/lightning_autolog.py
	$(BIN)/autotrack show latest

test: $(STAMP)  ## every test
	$(BIN)/pytest

check: $(STAMP)  ## format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: $(STAMP)  ## the tables that the README quotes; takes some minutes
	$(BIN)/python -m tests.benchmarks

own-tests: $(STAMP)  ## scikit-learn's own tests with autolog on; takes about an hour
	$(BIN)/python -m tests.autotrack_sklearn.own_tests

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist
