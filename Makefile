# `make all` builds the sample student, `make test` runs the tests; both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: all test check install clean

all: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m spacy project run all

test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: .venv/installed

.venv/installed: requirements.txt setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools wheel
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf .venv corpus encoders training metrics packages packages-trf project.lock
