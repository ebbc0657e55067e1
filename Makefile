# Every target says in its `##` comment what it does; `make help` prints them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STAMP := $(VENV)/set-up

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## .venv with everything pinned, and the broker's jars

demo: $(STAMP) ## the whole service with a small state and a day of its pharmacies
	@$(BIN)/dawalog demo

test: $(STAMP) ## all tests, on a real Kafka and a real Postgres; three at a time, as they wait much
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not slow and not alone"
	@$(BIN)/pytest -m alone tests/system

check: $(STAMP) ## format, lint, types, directions of imports, dependencies, rules of Prometheus
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/deptry .
	@$(BIN)/python -m infra.watching_check

bench: $(STAMP) ## our figures beside their baselines
	@$(BIN)/dawalog bench all

$(STAMP): requirements.lock pyproject.toml infra/local/jgo.lock.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Dawalog needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "setting up, once: a minute or two, longer on a busy machine"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python can't create $(VENV): on Debian, install python3-venv" >&2; exit 1; }
	@echo "1/4 Python packages, as pinned, into $(VENV)"
	@$(PIP) --require-hashes --no-compile -r requirements.lock
	@echo "2/4 compiling them"
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true # on all cores; pip uses one
	@echo "3/4 Dawalog itself"
	@$(PIP) --no-deps --no-build-isolation --editable . 2>$(VENV)/editable.log || \
	  { cat $(VENV)/editable.log >&2; exit 1; }
	@echo "4/4 the broker's jars, and one start of the broker for the JVM's cache"
	@$(BIN)/python -m infra.local.fetch
	@touch $(STAMP)
