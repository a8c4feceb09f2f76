PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
# Test files run side by side, each file in one worker.
WORKERS ?= 2
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: setup setup-dev run test check bench soak test-kafka lock clean

# What runs, and what tests and checks it: `make run` need not wait for a type checker.
.venv/ready: setup.cfg pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "Dangol needs Python 3.11 or newer on PATH (or: make PYTHON=/path/to/python)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "no venv: apt-get install python3-venv"; exit 1; }
	@echo "installing into .venv …"
	@$(PIP) --require-hashes --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	@$(PIP) --constraint constraints.txt --editable '.[test,check]'
	@touch $@

setup: .venv/ready
setup-dev: .venv/ready-dev

run: setup
	@exec $(BIN)/dangol up --demo

test: setup-dev
	@sh tests/system-packages.sh
	$(BIN)/python -m pytest -m 'not soak' -n $(WORKERS) --dist loadfile

test-kafka: setup-dev
	$(BIN)/python -m pytest -m 'kafka and not soak' --apache-kafka

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/licences.py

bench: setup-dev
	$(BIN)/python -m bench

soak: setup-dev
	$(BIN)/python -m pytest -m soak --apache-kafka $(ARGS)

# After a change of setup.cfg or constraints.txt; needs uv. One file for all systems and Pythons that we support.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --constraint constraints.txt --extra geoip setup.cfg tests/build.in --output-file requirements.lock

clean:
	rm -rf .venv build dist *.egg-info
