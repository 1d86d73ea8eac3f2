# Two commands are enough: `make run` and `make test`. Everything is built here, in .venv and tests/e2e/node_modules.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 3978
OPS_PORT ?= 3979
PLAYGROUND_PORT ?= 56150
OUT ?= procall-privacy-bot.zip

VENV := .venv/bin
PIP_INSTALL := $(VENV)/python -m pip install --quiet --disable-pip-version-check --require-hashes
PLAYGROUND := tests/e2e/node_modules/.package-lock.json
NODE_PACKAGES := $(PLAYGROUND) tests/azurite/node_modules/.package-lock.json
UV_COMPILE := $(VENV)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" --python-version 3.11

.PHONY: help run test nightly check bench lock pack model .venv

help:  ## List the targets
	@sed -nE 's/^([a-z.]+):.*## (.*)$$/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: .venv/installed $(PLAYGROUND)  ## Start the bot in dev mode and, where Node is, the Playground
	@$(VENV)/python -m tests.e2e.run --port $(PORT) --ops-port $(OPS_PORT) --playground-port $(PLAYGROUND_PORT)

test: .venv/installed-dev $(NODE_PACKAGES)  ## Run every test
	$(VENV)/python -m pytest -n 2 --dist loadfile --ignore tests/e2e
	$(VENV)/python -m pytest tests/e2e

nightly: .venv/installed-dev  ## Run what is too long for every day: all crash points, long races, a million steps
	PROCALL_ALL_POINTS=1 PROCALL_RACE_SECONDS=20 PROCALL_WALK_STEPS=1000000 PROCALL_MANY_FILES=200000 \
		$(VENV)/python -m pytest tests/crash tests/data/sources/test_races.py tests/data/stores/test_request_walks.py \
		tests/data/purge/test_purge_walks.py tests/lists

check: .venv/installed-dev  ## Check format, lint, types, floors and the other rules of the house
	$(VENV)/python -m pytest --quiet tests/test_house_rules.py

bench: .venv/installed-dev .venv/stock/installed .venv/bench/installed $(NODE_PACKAGES)  ## Measure answers, turns, messages, stores and the retention engine
	$(VENV)/python bench/questions.py
	$(VENV)/python bench/outbox.py
	$(VENV)/python bench/rounds.py
	$(VENV)/python bench/loop.py
	PROCALL_WALK_STEPS=1000000 $(VENV)/python -m pytest --quiet tests/data/stores/test_request_walks.py
	$(VENV)/python bench/growth.py
	$(VENV)/python bench/engines.py
	$(VENV)/python bench/retention.py --peers $(CURDIR)/.venv/bench/bin/python
	$(VENV)/python bench/turns.py --stock-python $(CURDIR)/.venv/stock/bin/python

lock: .venv/installed-dev  ## Write the lock files anew, with hashes
	$(UV_COMPILE) --upgrade pyproject.toml -o requirements.lock
	$(UV_COMPILE) --upgrade pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(UV_COMPILE) --upgrade --group stock -o requirements-stock.lock
	$(UV_COMPILE) --upgrade --group bench -o requirements-bench.lock

pack: .venv/installed  ## Write the Teams app package with the ids of your settings
	$(VENV)/python app.py pack $(OUT)

model: .venv/installed  ## Train the matcher anew after the catalogue was changed
	$(VENV)/python app.py train

.venv: .venv/installed  ## Build the environment only

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Python 3.11 is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear .venv
	$(PIP_INSTALL) -r requirements.lock
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@

# What is measured beside the product has environments of its own: its packages must never reach the product's.
.venv/%/installed: .venv/installed requirements-%.lock
	$(PYTHON) -m venv --clear .venv/$*
	.venv/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-$*.lock
	@touch $@

$(NODE_PACKAGES): tests/%/node_modules/.package-lock.json: tests/%/package-lock.json
	@if ! command -v npm >/dev/null; then echo "Node.js is not here: what tests/$* is for is left out."; \
	else cd tests/$* && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules/.package-lock.json \
	|| echo "npm ci failed in tests/$*: what it is for is left out."; fi
