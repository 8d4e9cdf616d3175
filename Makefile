# `make demo` and `make test` need Python 3.11 or newer and nothing else: they make their own environment in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: demo test lint soak setup golden clean

demo: $(READY) ## render the demo host, and say what is in it
	@$(BIN)/podhost render matrix --force -o matrix.ign
	@$(BIN)/python -m tests.account matrix.ign

test: $(READY) lint ## everything that this machine can run; what it cannot is skipped, with the reason
	$(BIN)/python -m pytest

lint: $(READY) ## formatting, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

soak: $(READY) ## the long campaigns: fuzzing, and boots by the hundred
	PODHOST_SOAK=1 $(BIN)/python -m pytest

setup: ## install what the tests of real hosts need (Debian, as root)
	tests/setup

golden: $(READY) ## write the golden files, the rules' pages and the schemas anew, to be reviewed as a diff
	$(BIN)/python -m pytest tests/golden tests/check/test_pages.py tests/spec/test_schema.py --update-golden

clean:
	rm -rf $(VENV) matrix.ign tests/.cache

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("podhost needs Python 3.11 or newer, and this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
