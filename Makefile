# Two commands do everything: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv-peers
# Publishing, gate, backfills and snapshots; their slow tests too, but for what has a server of its own in any case.
ON_POSTGRES := $(addprefix tests/,storage orchestration telemetry test_cli.py test_cli_quarantine.py test_cli_snapshots.py \
  test_reading.py) --ignore tests/storage/database --ignore tests/orchestration/test_production_profile.py
export UV_NO_PROGRESS := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-postgres test-slow check ui docs peers bench bench-backfill bench-snapshots lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(READY) ## Install the pinned environment into .venv and make the stores under var/

$(READY): lock/environment.txt lock/installer.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make setup PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r lock/installer.txt
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes lock/environment.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/trading-assets setup
	@touch $@

run: setup ## Run the whole graph; where nothing is recorded yet, on a simulated exchange
	$(BIN)/trading-assets run --or-simulate
	@echo "Look at it: make ui, then open http://localhost:3000"

test: setup ## Run the tests (minutes); real captures are found at ../shared/data
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow" --cov --cov-report=term

test-postgres: setup ## Run once more, on a real Postgres server, the tests of all that has a catalogue
	$(BIN)/python -m pytest -n auto --dist loadfile --catalog postgres $(ON_POSTGRES)

test-slow: setup peers ## Run the slow tests: whole runs in processes of their own
	$(BIN)/python -m pytest -n auto --dist loadfile -m slow

check: setup ## Lint, types and Dagster's own validation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	DAGSTER_HOME=$(CURDIR)/var/dagster $(BIN)/dagster definitions validate
	@echo "the five largest modules:"; find trading_assets -name '*.py' | xargs wc -l | sort -rn | sed -n '2,6p'

ui: setup ## Open the Dagster UI with its daemon at http://localhost:3000, after putting right what a crash left
	$(BIN)/trading-assets reconcile
	DAGSTER_HOME=$(CURDIR)/var/dagster $(BIN)/dagster dev

docs: setup ## Write the parts of the documents that are made from the code
	$(BIN)/python docs/generate.py

peers: $(PEERS)/.ready ## Install the libraries we are measured against, in an environment of their own

$(PEERS)/.ready: $(READY) lock/peers.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	$(BIN)/uv pip sync --quiet --python $(PEERS)/bin/python --require-hashes lock/peers.txt
	@touch $@

bench: setup peers ## Measure everything beside other ways (twenty minutes); writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-backfill: setup ## Measure a backfill of the daemon beside the same steps by hand (a quarter of an hour)
	$(BIN)/python benchmarks/backfill.py

bench-snapshots: setup ## Measure a snapshot, and stock dvc, at 100 to 10,000 partitions (minutes)
	$(BIN)/python benchmarks/snapshots.py

lock: ## Resolve pyproject.toml anew into lock/ (needs an installed .venv)
	echo uv | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header - -o lock/installer.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	  --no-annotate --no-header --prerelease if-necessary-or-explicit \
	  --extra dev pyproject.toml -o lock/environment.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header lock/peers.in -o lock/peers.txt

clean: ## Remove everything that was made: the environment and all published data
	rm -rf .venv .venv-peers var .env
