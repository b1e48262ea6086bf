# From a fresh clone `make run` and `make test` do everything themselves; they need Python 3.11 or newer, gcc and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JAX := benchmarks/.venv
JAX_STAMP := $(JAX)/.installed

.PHONY: install run test test-fast lint bench clean
.DEFAULT_GOAL := help

help:
	@echo "make run        install, then run configs/default.yaml (resumes, or only rewrites outputs, when repeated)"
	@echo "make test       install, lint, and run every test"
	@echo "make test-fast  install and run the tests that take no training"
	@echo "make lint       ruff, mypy, import-linter"
	@echo "make bench      install and run the benchmarks; results in benchmarks/results"
	@echo "make install    create .venv with pinned versions"
	@echo "make clean      remove .venv and caches; studies are kept"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "tuner needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; call make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

run: install
	$(BIN)/python -m tuner run configs/default.yaml

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: install
	$(BIN)/python -m pytest -m 'not slow and not browser'

# JAX is timed beside the trainer in an environment of its own: TensorFlow imports it wherever it finds it.
$(JAX_STAMP): constraints.txt
	test -x $(JAX)/bin/python || $(PYTHON) -m venv $(JAX)
	$(JAX)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt jax
	touch $(JAX_STAMP)

bench: install $(JAX_STAMP)
	$(BIN)/python -m pytest benchmarks --run-benchmarks -s

clean:
	rm -rf $(VENV) $(JAX) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
