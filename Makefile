# The one front door: `make search` shows archbo at work, `make test` proves it, `make help` lists all.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# most of what is installed is never imported: what is gets compiled then
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-compile \
	-c constraints.txt
WORKERS ?= 2

.PHONY: help search test check docs bench clean

help:
	@echo "make search   install and run a real architecture search on handwritten digits (minutes)"
	@echo "make test     install what the tests need and run them all"
	@echo "make check    format, lint, types, and the direction of imports"
	@echo "make docs     the documentation as a site, in build/site"
	@echo "make bench    search quality and speed on recorded trainings (needs ARCHBO_DATA)"
	@echo "make clean    remove the virtual environment and what the search left"

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# torch first and pinned, so that nothing that follows chooses another build
$(VENV)/.search: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (torch is large: a minute or two) …"
	$(INSTALL) torch
	$(INSTALL) -e '.[examples]'
	@touch $@

$(VENV)/.dev: $(VENV)/.search
	$(INSTALL) -e '.[examples,torch,dev]'
	@touch $@

search: $(VENV)/.search
	$(BIN)/archbo run examples/digits.py
	$(BIN)/archbo report digits.db -o digits.html
	@echo "The trials are in digits.db, the report is digits.html: open it in a browser."

test: $(VENV)/.dev
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# from nothing each time, as a page that is kept would keep its warnings to itself
docs: $(VENV)/.dev
	rm -rf build/site
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going \
		--fresh-env --conf-dir docs --doctree-dir build/doctrees . build/site
	@echo "The site is in build/site: open build/site/index.html in a browser."

bench: $(VENV)/.dev
	$(BIN)/archbo bench nas-bench-201/cifar10 nas-bench-201/cifar100 nas-bench-macro \
		--methods bo,random,evolution --seeds 20 --jobs 2 -o build/bench
	$(BIN)/python benchmarks/own_cost.py

clean:
	rm -rf $(VENV) digits.db* digits-random.db* digits.files digits-random.files digits.html
