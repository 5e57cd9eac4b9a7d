# `make` alone prints the targets. Everything works from a fresh clone with Python 3.11+, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
JOBS ?= 4

.DEFAULT_GOAL := help
.PHONY: help run demo test test-postgres check check-all lint types format docs lock bench clean

help:  ## print these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/run  ## install, migrate, make a first access key, print a request to paste, and serve
	@$(BIN)/otagw migrate
	@$(BIN)/otagw welcome
	@exec $(BIN)/otagw serve

demo: $(VENV)/run  ## show it all in about a minute: a gateway, a package, a rollout, 50 simulated devices
	@$(BIN)/python -m otagw.simulator.demo

test: $(VENV)/dev  ## run every test that can run on this machine; what is not installed is named and skipped
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not alone"
	$(BIN)/python -m pytest -m alone

test-postgres: $(VENV)/dev  ## run the tests of Actions and devices with the gateways in process on PostgreSQL
	OTAGW_TEST_ENGINE=postgresql OTAGW_TEST_REQUIRE=all $(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup \
	  -m "not heavy and not alone" -k "not stranger and not every_spelling and not missing_parameter and not ill_formed and not mistake" \
	  tests/contract tests/device tests/ddi tests/iotda tests/aliyun tests/oss/test_upload.py

check: lint types  ## lint, types and the fast tests: under 3 minutes
	$(BIN)/python -m pytest -q -n 3 --dist worksteal -m "not heavy"

check-all: lint types test test-postgres  ## everything

lint: $(VENV)/dev  ## check format and style
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types: $(VENV)/dev  ## check types
	$(BIN)/mypy otagw

format: $(VENV)/dev  ## format the code, and mend what can be mended
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

docs: $(VENV)/run  ## make the generated pages anew
	$(BIN)/otagw docs settings > config/otagw.toml.new && mv config/otagw.toml.new config/otagw.toml
	$(BIN)/otagw docs actions > docs/actions.md
	$(BIN)/otagw docs codes > docs/codes.md
	$(BIN)/otagw docs iotda > docs/iotda-api.md
	$(BIN)/otagw docs states > docs/states.md

lock: $(VENV)/dev  ## resolve the newest dependencies within setup.cfg's bounds into the lock files
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-find-links --no-header --output-file requirements.lock setup.cfg
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-find-links --no-header --allow-unsafe --extra dev --constraint requirements.lock \
	  --output-file requirements-dev.lock setup.cfg

bench: $(VENV)/dev  ## measure, and write benchmarks/RESULTS.md; PARTS="history process" for some of it
	$(BIN)/python -m benchmarks $(PARTS)

clean:  ## remove what make made, but not var/, which is data
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(VENV)/bin/python requirements.lock setup.cfg pyproject.toml
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.lock
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@
