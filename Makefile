# Two commands: `make serve` and `make test`. Each sets up what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
# How long each of the long runs of the facade may take, in seconds, and how many examples it may try.
SECONDS := 60
EXAMPLES := 2000
OPERATIONS := 10000

if_there = $(if $(wildcard $(1)),$(BIN)/python -m $(subst /,.,$(basename $(1))) $(2))

.DEFAULT_GOAL := help
.PHONY: help setup serve sandbox test test-live coverage check format schema docs requirements console clean chaos-sandbox fuzz-sandbox bench-sandbox bench-transports differential soak fuzz chaos bench profile

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# pip comes last into a new environment: one that was interrupted before has bin/python, and no pip.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$(PYTHON) is not Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.runtime: requirements/build.txt requirements/runtime.txt pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/fuzz.txt $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt -r requirements/fuzz.txt
	@touch $@

setup: $(VENV)/.runtime ## Create .venv with the command ocpplab-graphql
	@echo "Ready: $(BIN)/ocpplab-graphql --help"

serve: $(VENV)/.runtime ## GraphQL with the sandbox inside, on http://127.0.0.1:8000/graphql
	$(BIN)/ocpplab-graphql serve --port $(PORT)

sandbox: $(VENV)/.runtime ## The sandbox gateway alone, on http://127.0.0.1:8001
	$(BIN)/ocpplab-graphql sandbox

test: $(VENV)/.dev ## The tests: those within one process side by side, then those that start services
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --ignore tests/live
	$(BIN)/python -m pytest tests/live

coverage: $(VENV)/.dev ## The tests, with the lines they did not reach
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered

chaos-sandbox: $(VENV)/.dev ## Kill the sandbox twenty times on each database, with figures (some minutes)
	$(BIN)/python -m bench.sandbox.chaos --on sqlite
	$(BIN)/python -m bench.sandbox.chaos --on postgresql
	$(BIN)/python -m bench.sandbox.chaos --on postgresql --processes 2

fuzz-sandbox: $(VENV)/.dev ## Drive the sandbox from its OpenAPI document, with counts (some minutes)
	$(BIN)/python -W ignore -m bench.sandbox.fuzz --examples 100

bench: $(VENV)/.runtime ## Beside other servers, into docs/ (a quarter of an hour; QUICK=1: out/, 2 minutes); needs cc, Node.js
	$(BIN)/python -m bench.peers $(if $(QUICK),--quick)

profile: $(VENV)/.runtime ## Where the CPU of one nested operation goes, by stage (a minute; needs cc)
	$(BIN)/python -m bench.peers.profile

bench-sandbox: $(VENV)/.dev ## What the sandbox costs with 100,000 locations (a minute)
	$(BIN)/python -m bench.sandbox.speed

bench-transports: $(VENV)/.dev ## What a call costs by each HTTP client, and in the process
	$(BIN)/python -m bench.transports.speed

differential: $(VENV)/.dev ## Compare both executors over 20,000 generated operations, with counts (ten minutes)
	$(BIN)/python -W ignore -m bench.differential --operations 20000

soak: $(VENV)/.dev ## A steady load with many who hang up, then the process compared with before (SECONDS=60, OPERATIONS=10000)
	$(BIN)/python -m bench.facade.soak --seconds $(SECONDS)
	$(call if_there,bench/facade/aborts.py,--operations $(OPERATIONS))

fuzz: $(VENV)/.dev ## Nonsense from the gateway and from clients, by the thousand (EXAMPLES=2000)
	$(call if_there,bench/facade/fuzz_replies.py,--examples $(EXAMPLES))
	$(call if_there,bench/facade/fuzz_requests.py,--examples $(EXAMPLES))

chaos: $(VENV)/.dev ## Faults, floods and kill -9 around the facade under load, as ratios to calm (SECONDS=60)
	$(BIN)/python -m bench.facade.chaos --seconds $(SECONDS)
	$(BIN)/python -m bench.facade.kills --seconds $(SECONDS)
	$(call if_there,bench/facade/slow_senders.py,--seconds $(SECONDS))
	$(call if_there,bench/facade/tenants.py,--seconds $(SECONDS))

check: $(VENV)/.dev ## Format, lint, types, import contracts, schema and docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/ocpplab-graphql schema --check schema.graphql --released docs/schema/released.graphql
	$(BIN)/python -m pytest -q tests/shape

format: $(VENV)/.dev ## Format the code and mend what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(VENV)/.runtime ## Write schema.graphql from the code
	$(BIN)/ocpplab-graphql schema --write schema.graphql

docs: $(VENV)/.dev ## Write the generated parts of README.md from the code
	$(BIN)/python -m tests.shape.readme --write

requirements: ## Compile the pinned, hashed requirement files (needs uv)
	sh requirements/compile.sh

console: ## Build the GraphiQL page from console/ (needs Node.js)
	cd console && npm ci && npm run build

clean: ## Remove the environment and caches; keeps .data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
