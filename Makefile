# `make` alone prints the targets. Everything works from a fresh clone with Python 3.11+, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
PYTEST := $(BIN)/python -m pytest -q
COMPILE := $(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-emit-index-url \
  --no-emit-trusted-host --no-emit-find-links --no-header

.DEFAULT_GOAL := help
.PHONY: help run demo test test-live test-postgres mutants check check-all lint types format docs lock dist bench clean

help:  ## print these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/run  ## install, migrate, make a first access key, serve, and print where and a request to paste
	@$(BIN)/otagw migrate
	@exec $(BIN)/otagw serve --welcome

demo: $(VENV)/run  ## show it all in about a minute: a gateway, a package, a rollout, 50 simulated devices
	@$(BIN)/python -m otagw.simulator.demo

test: $(VENV)/dev  ## run the tests that need nothing but Python: at most 3 minutes on two cores
	$(PYTEST) -n $(JOBS) --dist worksteal -m "not live and not postgres"

test-live: $(VENV)/dev  ## run the tests with gunicorn, nginx, the SDKs, SWUpdate, Redis; what is missing is named
	$(PYTEST) -n $(JOBS) --dist loadgroup -m live

test-postgres: $(VENV)/dev  ## run the tests of the core, the fronts and the contracts on a PostgreSQL server
	OTAGW_TEST_REQUIRE=all $(PYTEST) -n $(JOBS) --dist loadgroup -m "postgres and not live"
	OTAGW_TEST_REQUIRE=all OTAGW_TEST_ENGINE=postgresql $(PYTEST) -n $(JOBS) --dist worksteal \
	  -m "not postgres and not live" -k "not stranger and not every_spelling and not ill_formed and not mistake" \
	  tests/contract tests/device tests/ddi tests/iotda tests/aliyun tests/mqtt tests/oss/test_upload.py

mutants: $(VENV)/dev  ## take each account condition out of the code, and see that a test notices
	$(BIN)/python -m tests.mutants

check: lint types test  ## lint, types and the tests that need nothing

check-all: lint types test test-live test-postgres mutants  ## everything: at most 20 minutes on two cores

lint: $(VENV)/dev  ## check format and style
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types: $(VENV)/dev  ## check types
	$(BIN)/mypy otagw

format: $(VENV)/dev  ## format the code, and mend what can be mended
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

docs: $(VENV)/run  ## make the generated pages and config/ anew
	cp otagw/ops/templates/* config/
	$(BIN)/otagw docs settings > config/otagw.toml.new && mv config/otagw.toml.new config/otagw.toml
	$(BIN)/otagw docs actions > docs/actions.md
	$(BIN)/otagw docs codes > docs/codes.md
	$(BIN)/otagw docs iotda > docs/iotda-api.md
	$(BIN)/otagw docs states > docs/states.md
	$(BIN)/otagw docs schema > otagw/db/schema.sql

lock: $(VENV)/dev  ## resolve the newest dependencies within setup.cfg's bounds into the lock files
	$(COMPILE) --output-file requirements.lock setup.cfg
	for extra in postgres redis s3; do \
	  $(COMPILE) --extra $$extra --constraint requirements.lock --output-file requirements-$$extra.lock setup.cfg || exit; \
	done
	$(COMPILE) --allow-unsafe --extra dev --constraint requirements.lock --output-file requirements-dev.lock setup.cfg

dist: $(VENV)/dev  ## build wheel and sdist of the last commit into dist/; the wheel has the same bytes each time
	rm -rf build/dist dist && mkdir -p build/dist
	git -c tar.umask=0022 archive HEAD | tar x -C build/dist
	umask 022 && SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
	  $(BIN)/python -m build --no-isolation --outdir dist build/dist

bench: $(VENV)/dev  ## measure, and write benchmarks/RESULTS.md; PARTS="history process" for some; AGAINST=<commit> compares
	$(BIN)/python -m $(if $(AGAINST),benchmarks.against $(AGAINST),benchmarks $(PARTS))

clean:  ## remove what make made, but not var/, which is data
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(VENV)/bin/python requirements.lock setup.cfg pyproject.toml
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.lock
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@
