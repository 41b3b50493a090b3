# All work on the project; `make help` explains the targets.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format lock bench docker clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := data/demo
# Written out, since `uv pip compile` knows these options only on its command line.
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## Make .venv and install what is pinned into it

# uv first, by its own pinned hash; then everything else by uv, which is several times as fast as pip.
# Bytecode is compiled at once: some machines forbid Python to write it later, and every start would pay for that.
$(INSTALLED): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than 3.11; name another: make setup PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "make: venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt
	UV_COMPILE_BYTECODE=1 $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## Train, test and predict on synthetic films, from nothing to figures
	test -e $(DEMO)/README.md || $(BIN)/python -m xray synth $(DEMO)
	$(BIN)/python -m xray fit --config configs/cnn.yaml --data.root $(DEMO) --trainer.logger.name demo
	$(BIN)/python -m xray test
	$(BIN)/python -m xray predict $(DEMO)/test --out logs/demo/predictions.csv
	@echo "The films are synthetic: these figures say that the program works, and nothing about people."
	@echo "Where to look:  logs/demo/ (config, split, test results);  $(BIN)/tensorboard --logdir logs"

test: setup  ## Run the whole test suite
	$(BIN)/python -m pytest --numprocesses 2

lint: setup  ## Check style, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup  ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: setup  ## Pin the newest versions that pyproject.toml allows
	$(COMPILE) --group dev --upgrade --output-file requirements-dev.txt
	$(COMPILE) --constraint requirements-dev.txt --output-file requirements.txt

bench: setup  ## Measure training against its limit
	$(BIN)/python benchmarks/throughput.py

docker:  ## Build the training image
	docker build --tag xray:train .

clean:  ## Remove .venv, caches and the demo's data; runs and other data stay
	rm -rf $(VENV) $(DEMO) .hypothesis .mypy_cache .pytest_cache .ruff_cache src/xray.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
