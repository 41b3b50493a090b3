# Development tasks; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format lock bench bench-peers docker clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := data/demo
# Input of the benchmarks: a data set to train on, and a folder of full-size JPEG files in NORMAL and PNEUMONIA.
ROOT ?= data/bench
IMAGES ?= $(ROOT)/train
PEERS := $(VENV)-bench
# `uv pip compile` accepts these options only on its command line.
OPTIONS := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet
COMPILE := $(BIN)/uv pip compile pyproject.toml --all-extras $(OPTIONS)

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## Create .venv and install the pinned dependencies with all extras

# pip installs uv with its pinned hash; uv, several times as fast as pip, installs the rest.
# Bytecode is compiled now: on some machines Python cannot write it later, which would slow down every start.
$(INSTALLED): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than 3.11; give another: make setup PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "make: venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt
	UV_COMPILE_BYTECODE=1 $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## Train, test and predict on synthetic images
	test -e $(DEMO)/README.md || $(BIN)/python -m xray synth $(DEMO)
	$(BIN)/python -m xray fit --config configs/cnn.yaml --data.root $(DEMO) --run.name demo
	$(BIN)/python -m xray test
	$(BIN)/python -m xray predict $(DEMO)/test --out logs/demo/predictions.csv
	@echo "The images are synthetic: the results show that the program works, and say nothing about people."
	@echo "Where to look:  logs/demo/ (config, split, test results);  $(BIN)/tensorboard --logdir logs"

test: setup  ## Run the test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: setup  ## Check style, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

format: setup  ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: setup  ## Pin the newest versions allowed by pyproject.toml
	$(COMPILE) --group dev --upgrade --output-file requirements-dev.txt
	$(COMPILE) --constraint requirements-dev.txt --output-file requirements.txt
	$(COMPILE) --group dev --group bench --constraint requirements-dev.txt --output-file requirements-bench.txt
	$(BIN)/uv pip compile --group pyproject.toml:serve-image $(OPTIONS) --constraint requirements-dev.txt --output-file requirements-serve.txt

bench: setup  ## Measure training, cache, evaluation, fixed costs, memory and serving (ROOT=DIR IMAGES=DIR)
	test -e data/bench || test $(ROOT) != data/bench || $(BIN)/python -m xray synth data/bench --patients 1500
	$(BIN)/python benchmarks/limit.py --root $(ROOT)
	$(BIN)/python benchmarks/build.py --images $(IMAGES)
	$(BIN)/python benchmarks/augmentation.py
	$(BIN)/python benchmarks/fixed_costs.py
	$(BIN)/python benchmarks/evaluation.py
	$(BIN)/python benchmarks/memory.py
	test -e checkpoints/bench || $(BIN)/python -m xray fit --config configs/cnn.yaml --data.root $(ROOT) --trainer.max_epochs 2 --run.name bench
	$(BIN)/python benchmarks/serving.py --run bench --images $(IMAGES)

bench-peers: $(PEERS)/.installed  ## Compare whole jobs and augmentation with other tools (IMAGES=DIR); takes long
	for settings in same tuned defaults; do $(PEERS)/bin/python benchmarks/jobs.py --images $(IMAGES) --settings $$settings || exit 1; done
	$(PEERS)/bin/python benchmarks/augmentation.py

$(PEERS)/.installed: requirements-bench.txt $(INSTALLED)
	$(PYTHON) -m venv $(PEERS)
	UV_COMPILE_BYTECODE=1 $(BIN)/uv pip install --quiet --python $(PEERS)/bin/python --require-hashes --requirement requirements-bench.txt
	$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

docker:  ## Build the container images xray:train and xray:serve
	docker build --target train --tag xray:train .
	docker build --target serve --tag xray:serve .

clean:  ## Remove .venv, caches and synthetic images; keep runs and other data
	rm -rf $(VENV) $(PEERS) $(DEMO) data/bench .hypothesis .mypy_cache .pytest_cache .ruff_cache src/xray.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
