# The two commands of the README: `make pretrain` and `make test`. Both stand on `make install`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
QUICKSTART := runs/quickstart
WORKERS ?= 2

.PHONY: help install pretrain test test-long docs lint wheel clean

help:
	@echo "make install    virtual environment in $(VENV) with multiprot and its first-party plugins"
	@echo "make pretrain   install, then pretrain the embedded default into $(QUICKSTART)"
	@echo "make test       install, pretrain, then the whole test suite (about 15 minutes on two cores)"
	@echo "make test-long  install, then the long campaigns (at most about 45 minutes)"
	@echo "make lint       install, then ruff, mypy, import-linter and the house rules alone"
	@echo "make docs       install, then the documentation into docs/_build/html"

install: $(VENV)/.installed

# The stamp is newer than everything that says what to install, so a second call does nothing.
$(VENV)/.installed: pyproject.toml constraints.txt $(addsuffix /pyproject.toml,$(PLUGINS))
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "multiprot needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; call make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	    -e '.[dev]' $(addprefix -e ./,$(PLUGINS))
	touch $@

pretrain: install
	@if test -f $(QUICKSTART)/bundle/bundle.json; then \
	    echo "$(QUICKSTART)/bundle is there already; remove $(QUICKSTART) to train it again"; \
	elif test -d $(QUICKSTART)/checkpoints; then \
	    $(BIN)/multiprot pretrain --out $(QUICKSTART) --resume; \
	else \
	    $(BIN)/multiprot pretrain --out $(QUICKSTART) --overwrite; \
	fi

test: pretrain
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not long"

test-long: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m long

lint: install
	$(BIN)/python -m pytest -q tests/architecture

docs: install
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

wheel: install
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist . $(addprefix ./,$(PLUGINS))

clean:
	rm -rf build dist docs/_build runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
