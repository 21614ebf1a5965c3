# Everything a person does with this project. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Every process would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo run test check lint prose faults bench setup assets browser lock upgrade clean screenshots lighthouse

help: ## Say what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: setup assets ## Set up and start everything, with data to click on; Ctrl-C stops it
	@$(BIN)/python -m tools.demo

run: setup assets ## Start console and worker against real Lofty, from the environment (.env.example)
	@$(BIN)/python -m tools.run

PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

# Tests that start processes mostly wait, so they run next to the others. One after the other: some
# measure how long an answer takes.
test: lint browser ## Set up, then run every check and test (13 minutes on two cores)
	@mkdir -p var; $(BIN)/python -m pytest -m processes > var/processes.log 2>&1 & processes=$$!; \
	trap "kill $$processes 2>/dev/null" EXIT INT TERM; \
	$(PYTEST) -m "not processes"; others=$$?; \
	wait $$processes; processes=$$?; cat var/processes.log; \
	exit $$((others | processes))

check: lint ## The checks, and the tests that need no database, process, or browser (3 minutes)
	@$(PYTEST) -m "unit or property" --hypothesis-profile check

lint: setup assets ## Formatting, lint, types, imports, templates, deployment checks
	@$(BIN)/python -m tools.lint

prose: setup ## Find discouraged wording; what to write instead is in CONTRIBUTING.md
	@$(BIN)/python -m tools.prose

faults: setup assets ## The long runs: real processes killed at every step of a save, a renewal, a rotation (15 minutes)
	@FAULT_ROUNDS=40 $(PYTEST) tests/faults

bench: setup assets browser ## Measure a million events beside Django's admin, exports, pages, a save, 5,000 names (25 minutes, 4 GB of disk)
	@BENCH_EVENTS=20000 $(BIN)/python -m pytest -s tests/bench/test_export_speed.py
	@BENCH_TENANTS=2000 BENCH_ROUNDS=8 $(BIN)/python -m pytest -s tests/bench/test_home_speed.py
	@BENCH_MEMBERS=5000 $(BIN)/python -m pytest -s tests/bench/test_sync_speed.py
	@BENCH_ROUNDS=40 $(BIN)/python -m pytest -s tests/bench/test_save_speed.py
	@$(BIN)/python -m pytest -s tests/bench/test_slow_lofty_speed.py
	@BENCH_AGENTS=5000 $(BIN)/python -m pytest -s tests/bench/test_settings_speed.py
	@BENCH_EVENTS=1000000 $(BIN)/python -m pytest -s tests/bench/test_history_speed.py

screenshots: setup assets browser ## Make the pictures of README and docs anew, from a demo of its own
	@$(BIN)/python -m tools.screenshots

lighthouse: setup assets browser ## Lighthouse on home, settings, review and history, from a demo of its own (3 minutes)
	@$(BIN)/python -m tools.lighthouse

setup: $(STAMP)

$(STAMP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 cannot make a virtual environment: install its venv module (Debian: apt-get install python3-venv)"; exit 1; }
	@echo "Installing what requirements-dev.txt lists ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $(STAMP)

assets: setup
	@$(BIN)/python -m tools.assets

browser: setup
	@$(BIN)/python -m tools.browser

lock: setup ## Write uv.lock and the requirements files from pyproject.toml
	@$(BIN)/python -m tools.requirements

upgrade: setup ## The same with the newest versions that pyproject.toml allows
	@$(BIN)/python -m tools.requirements --upgrade

clean: ## Remove what was made, but not the demo's data (var/)
	rm -rf $(VENV) node_modules tools/lighthouse/node_modules static/vendor staticfiles
