# Everything runs in .venv, which the first target makes: Python 3.11+ and make are all that is needed.
# PYTHON=/path/to/python3.12 chooses the interpreter.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow soak check format lint types layers bench setup clean

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check --no-input --require-hashes --no-deps --only-binary :all:
PYTEST := $(PY) -m pytest
JOBS ?= auto

help:
	@echo 'make demo       three local chains, one crash, and why each account was or was not liquidated'
	@echo 'make test       the tests (without the slow ones)'
	@echo 'make test-slow  the slow tests: long faults, kills, crowds'
	@echo 'make soak       one life of the keeper over 100,000 blocks, and of its process over 5,000: does anything grow?'
	@echo 'make check      format, lint, types, layers'
	@echo 'make format     write the format and what lint can mend by itself'
	@echo 'make bench      what the daemon costs: requests and evaluations per change, times'
	@echo 'make setup      only make .venv with everything in it'
	@echo 'make clean      remove all that these targets made'

demo: $(VENV)/.runtime
	@$(PY) -m chains.devnet.anvil install
	@$(PY) -m keeper demo $(DEMO)

test: $(VENV)/.dev
	@$(PY) -m chains.devnet.anvil install
	@$(PYTEST) -n $(JOBS) --dist loadfile $(TESTS)

test-slow: $(VENV)/.dev
	@$(PY) -m chains.devnet.anvil install
	@$(PYTEST) -m slow $(TESTS)

# Half an hour each. What was read is left in .soak as CSV and SVG.
BLOCKS ?= 100000
NODE_BLOCKS ?= 5000
soak: $(VENV)/.dev
	@$(PY) -m chains.devnet.anvil install
	@rm -rf .soak && mkdir .soak
	@$(PY) -m tests.soak.life $(BLOCKS) .soak/life
	@$(PY) -m tests.soak.daemon_life $(NODE_BLOCKS) .soak/daemon

bench: $(VENV)/.dev
	@$(PY) -m chains.devnet.anvil install
	@$(PYTEST) -m 'slow or not slow' --capture=no --no-header --quiet tests/bench

check: $(VENV)/.dev
	@$(PY) -m ruff format --check --quiet . || { echo 'make format writes it' >&2; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --config pyproject.toml

format: $(VENV)/.dev
	@$(PY) -m ruff check --quiet --fix-only .
	@$(PY) -m ruff format .

setup: $(VENV)/.dev

# What `make demo` needs; then what the tests need on top.
$(VENV)/.runtime: .ci/requirements.lock .ci/make-venv
	@sh .ci/make-venv $(VENV) $(PYTHON)
	@echo 'installing what the keeper needs (once)'
	@$(PIP) -r .ci/requirements.lock
	@touch $@

$(VENV)/.dev: .ci/requirements-dev.lock $(VENV)/.runtime
	@echo 'installing what the tests need (once)'
	@$(PIP) -r .ci/requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) .tools .demo .soak dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find config oracles chains keeper tests -name __pycache__ -type d -prune -exec rm -rf {} +
