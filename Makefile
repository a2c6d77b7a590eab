PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
INSTALL := pip install --quiet --disable-pip-version-check

# TensorFlow needs other versions of some packages than the rest: it has an environment of its own.
TENSORFLOW_VENV := .venv-tensorflow
TENSORFLOW_STAMP := $(TENSORFLOW_VENV)/installed
TENSORFLOW_TESTS := tests/autotrack_keras/test_search.py tests/autotrack_keras/test_tf_data.py \
	tests/autotrack_tensorboard/test_tensorflow.py

# Tests start thousands of Pythons. Where this variable is set, as in many images of containers, each of them would
# compile every module of autotrack anew.
unexport PYTHONDONTWRITEBYTECODE

# Many tests wait for processes and servers: twice as many at a time as there are cores keeps the cores busy.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(min(16, 2 * os.cpu_count()))")
# Each worker gets tests that stand side by side, so that few of them start the same server.
PARALLEL := --numprocesses $(WORKERS) --dist worksteal

.PHONY: demo environments test test-tensorflow test-alone test-parallel check format benchmark own-tests gallery causes torture \
	reproduce models accessibility clean

demo: $(STAMP)  ## train on the digits that ship with scikit-learn, and show what was recorded
	$(BIN)/python examples/lightning_autolog.py
	$(BIN)/autotrack show latest

environments: $(STAMP) $(TENSORFLOW_STAMP)  ## all that the other targets need; `make -j2` builds both at a time

test: test-tensorflow test-alone test-parallel  ## every test; the last part has nearly all of them

test-tensorflow: $(TENSORFLOW_STAMP)  ## what needs TensorFlow or KerasTuner
	KERAS_BACKEND=tensorflow $(TENSORFLOW_VENV)/bin/pytest $(PARALLEL) -m tensorflow --durations=20 $(TENSORFLOW_TESTS)

test-alone: $(STAMP)  ## what measures time, one after another
	$(BIN)/pytest -m alone --durations=20 $(shell grep -rl "mark\.alone" tests --include="test_*.py")

test-parallel: $(STAMP)  ## all the others
	$(BIN)/pytest $(PARALLEL) -m "not alone and not tensorflow" --durations=20

check: $(STAMP)  ## format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: $(STAMP)  ## the tables of tests/benchmarks/README.md; needs a quiet machine and some time
	$(BIN)/python -m tests.benchmarks

own-tests: $(STAMP)  ## scikit-learn's and Keras's own tests with autolog on; takes over an hour
	$(BIN)/python -m tests.autotrack_sklearn.own_tests
	$(BIN)/python -m tests.autotrack_keras.own_tests

gallery: $(STAMP)  ## scikit-learn's gallery with autotrack and without: hours, or less with GALLERY="--scripts 10"
	$(BIN)/python -m tests.gallery $(GALLERY)

causes: $(STAMP)  ## trainings with one known change each: is it found as the cause? takes some minutes
	$(BIN)/python -m tests.planted_causes

torture: $(STAMP)  ## kills, broken disks, jumping clocks, crowds, refusing servers, damaged stores; takes over an hour
	$(BIN)/python -m tests.torture

accessibility: $(STAMP)  ## axe-core looks at every view of the page, light and dark, wide and narrow
	$(BIN)/python -m tests.accessibility

reproduce: $(STAMP)  ## repeats the runs of planted projects, and says whether each comes out as it should
	$(BIN)/python -m tests.reproduce

models: $(STAMP)  ## thirty models, loaded and served by MLflow 3, and by an old MLflow 2 in an environment below /tmp
	$(BIN)/python -m tests.models

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(INSTALL) --constraint constraints.txt --editable '.[dev]'
	touch $@

$(TENSORFLOW_STAMP): pyproject.toml constraints-tensorflow.txt
	$(PYTHON) -m venv $(TENSORFLOW_VENV)
	$(TENSORFLOW_VENV)/bin/$(INSTALL) --constraint constraints-tensorflow.txt --editable '.[dev-tensorflow]'
	touch $@

clean:
	rm -rf $(VENV) $(TENSORFLOW_VENV) build dist
