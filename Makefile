# Everything a person can do here; `make help` lists it. CI runs the same targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
STAMP := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
PACKAGES := common scheduler workers console simulator

.PHONY: help
help: ## List what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

$(STAMP): requirements.lock pyproject.toml
	@echo "==> Setting up $(VENV) (about a minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit("Flotilla needs Python 3.11 or newer, found " + sys.version.split()[0] + "; set PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-*; touch $@

.PHONY: venv
venv: $(STAMP) ## Make the virtual environment from the lock file

.PHONY: demo
demo: $(STAMP) ## A synced fleet of 12 simulated clusters with everything running (Ctrl-C ends it)
	@$(BIN)/flotilla demo $(ARGS)

.PHONY: demo-real
demo-real: $(STAMP) controlplane ## The same on real kube-apiservers
	@$(BIN)/python -m tests.controlplane.demo $(ARGS)

.PHONY: controlplane
controlplane: $(STAMP) ## Build the real Kubernetes control plane for tests (about 8 minutes the first time)
	@$(BIN)/python -m tests.controlplane.build

.PHONY: check
check: $(STAMP) ## Format, lint, types, import contracts and unit tests: what to run while editing
	@echo "==> ruff";         $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "==> mypy";         $(BIN)/mypy
	@echo "==> import-linter"; $(BIN)/lint-imports --no-cache
	@echo "==> unit and property tests"; $(BIN)/python -m pytest tests/unit tests/property -q

.PHONY: test
test: $(STAMP) controlplane ## All tests, from unit to end-to-end on real control planes
	@echo "==> All tests (what was skipped, and why, stands at the end)"
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: coverage
coverage: $(STAMP) ## Branch coverage of the planning and the sync engine
	@$(BIN)/python -m pytest -q tests/unit tests/property --cov=scheduler.planning --cov=workers.sync --cov-branch --cov-report=term-missing

.PHONY: bench
bench: $(STAMP) controlplane ## First sync, no change and one commit on real API servers (about 5 minutes, results on the terminal)
	@$(BIN)/python -m benchmarks.one_commit $(ARGS)

.PHONY: lock
lock: $(STAMP) ## Pin the dependencies anew, with hashes and without naming a package index
	@$(BIN)/uv pip compile --quiet pyproject.toml --extra dev --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --output-file requirements.lock

.PHONY: secrets
secrets: ## Make the passwords, keys and certificates that docker-compose.yml needs, in deploy/secrets
	@deploy/secrets.sh

.PHONY: clean
clean: ## Remove the virtual environment and caches (not the control-plane binaries)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov .coverage* mutants
