# Everything runs in .venv, which is made when it is missing or older than pyproject.toml.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: quickstart test test-all install lint bench attack build clean engine engine-stop

quickstart: $(READY)
	$(BIN)/mlesmith quickstart

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist loadgroup -m 'not slow'

# With the slow groups, and with all examples of the tests that draw them.
test-all: $(READY)
	MLESMITH_THOROUGH_TESTS=1 $(BIN)/python -m pytest -n auto --dist loadgroup

install: $(READY)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks

# The attack suite at every level this host offers, as root and as an ordinary user, and in Docker where it answers.
attack: $(READY)
	$(BIN)/mlesmith doctor --attack --everywhere

# A private Docker engine for the tests (root, Debian or Ubuntu); prints what to export.
engine: $(READY)
	@$(BIN)/python tests/engine.py start

engine-stop: $(READY)
	@$(BIN)/python tests/engine.py stop

build: $(READY)
	$(BIN)/python -m build

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.12, say")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
