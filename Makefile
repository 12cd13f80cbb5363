# `make demo` shows the product, `make test` checks it. Both set up what they need in .venv;
# python3 with venv, and make, are all they ask for.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
WORKERS ?= $(shell expr $$(nproc) + 1)
DEMO_ARGS ?=
BENCH_ARGS ?=

# The tests start hundreds of servers, which would compile the whole project each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test checks lint format types layers unit unit-sqlite unit-postgres
.PHONY: docs fuzz coverage venv clean bench

demo: $(VENV)/.runtime
	$(BIN)/python manage.py demo $(DEMO_ARGS)

test: checks unit

checks: lint types layers

venv: $(VENV)/.runtime

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports --no-logo

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py

unit: unit-sqlite unit-postgres

# One process more than cores, since many tests wait, file by file; what compares times has the
# machine for itself.
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadfile

unit-sqlite: $(VENV)/.dev $(VENV)/.scan
	env -u DATABASE_URL $(BIN)/pytest tests/benchmarks $(PYTEST_ARGS)
	env -u DATABASE_URL $(PYTEST) --ignore=tests/benchmarks $(PYTEST_ARGS)

# Where no PostgreSQL server is installed the second run is left out, and says so; CI never leaves it out.
# What asks no database, or only its own on SQLite, is tested once (tests/conftest.py leaves out what
# does so elsewhere); so is what a browser sees, and what is about a proxy and who stands beside it:
# balancers, directories, its copy of the data, its lines, its pair, its history's file. That all of
# it comes from PostgreSQL and gets there is seen by the tests of lost masters, of restores, of
# kills and of writers.
NO_DATABASE := tests/confwire tests/contracts tests/benchmarks tests/browser tests/fuzzing \
	tests/simulation tests/proxyapp/engine tests/proxyapp/auth tests/proxyapp/balancer \
	tests/proxyapp/management/commands/test_demo.py tests/acceptance/test_bad_input.py \
	tests/acceptance/test_faults.py tests/acceptance/test_history.py tests/acceptance/test_pair.py \
	tests/acceptance/test_rights.py tests/acceptance/test_tls.py tests/test_cold_start.py \
	tests/test_external_logins.py tests/test_load_balancer.py tests/test_pool.py \
	tests/test_starts.py tests/test_web_process.py

unit-postgres: $(VENV)/.dev $(VENV)/.scan
	@.ci/postgres $(PYTEST) $(NO_DATABASE:%=--ignore=%) $(PYTEST_ARGS); status=$$?; \
	if [ $$status -eq 69 ] && [ -z "$$CI" ]; then \
	    echo "The tests ran on SQLite only: no PostgreSQL server is installed."; \
	else exit $$status; fi

# Looks for input that the servers cannot take, for so many seconds.
FUZZ_SECONDS ?= 600

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzzing --seconds $(FUZZ_SECONDS)

# Takes minutes on a quiet machine; benchmarks/README.md says what is measured and what it needs.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks all $(BENCH_ARGS)

bench-%: $(VENV)/.dev
	$(BIN)/python -m benchmarks $* $(BENCH_ARGS)

coverage: $(VENV)/.dev
	$(BIN)/coverage run -m pytest $(PYTEST_ARGS)
	$(BIN)/coverage report

$(VENV)/.runtime: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements-external.txt $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(VENV)/.scan: requirements-scan.txt $(VENV)/.runtime
	$(PYTHON) -m venv $(VENV)/scan
	$(VENV)/scan/bin/pip install --quiet --disable-pip-version-check -r requirements-scan.txt
	touch $@

clean:
	rm -rf $(VENV) .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
