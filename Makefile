# make app: serve the workbench.  make test: every test, in three processes: browsers are waited for half of the time.
# make fast: without browser and slow ones, in two processes. Both let Python keep what it compiled: each process
# would else rewrite the assertions of every file anew, nine seconds long.
# make lint: formatter, linter, type checker.
# make lock: requirements.lock, every package that runs with its hashes.  make audit: what is known against them.
# make image-size: what the image of deploy/Dockerfile weighs, computed from what is installed here.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8501
BIN := .venv/bin
TOOLS := .venv/tools/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: app test fast lint lock audit image-size clean

app: .venv/.runs
	$(BIN)/python -m streamlit run app.py --server.address $(HOST) --server.port $(PORT)

test: .venv/.tests
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

fast: .venv/.tests
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not browser"

lint: .venv/.tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	@du -sh checkpoints .git 2>/dev/null || true

# The hashes are the index's own: nothing is downloaded to make them, torch neither. They are those of PyPI's builds:
# the CPU build of TORCH_INDEX is another file, and whoever takes that one has no hash of it from here.
lock: .venv/.tools
	$(TOOLS)/python -m uv pip compile requirements.txt --python-version 3.11 --generate-hashes --no-build --quiet --custom-compile-command "make lock" --output-file requirements.lock

audit: .venv/.tools
	$(TOOLS)/python deploy/audit.py

image-size: .venv/.runs
	$(BIN)/python deploy/image_size.py

# Stamp files: a second call installs nothing.
.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv

.venv/.runs: requirements.txt | .venv/bin/python
	@echo "Setting up .venv: a few minutes the first time."
ifdef TORCH_INDEX
	$(PIP) --index-url $(TORCH_INDEX) $$(grep -E '^torch(vision)?==' requirements.txt)
endif
	$(PIP) -r requirements.txt
	touch $@

.venv/.tests: requirements-dev.txt requirements-scale.txt .venv/.runs
	$(PIP) -r requirements-dev.txt
	touch $@

.venv/.tools: Makefile | .venv/bin/python
	$(BIN)/python -m venv .venv/tools
	$(TOOLS)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9 pip-audit==2.10.1
	touch $@

clean:
	rm -rf .venv
