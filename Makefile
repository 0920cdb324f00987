# `make demo` shows the whole way on synthetic mammograms; `make test` runs the tests that guard every change,
# `make slow` those that take long or need more of the machine.
# Both set up .venv by themselves. SERVE=0 ends the demo after the leaderboard; TORCH_INDEX=ADDRESS takes
# torch and torchvision from another index, such as PyTorch's own of builds without CUDA (6 GB less).
PYTHON ?= python3
SERVE ?= 1
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
export PYTHONUNBUFFERED := 1
# one thread for each of the two test processes: threads that wait for one another slow both
test test-fast slow faults: export OMP_NUM_THREADS ?= 1
.PHONY: demo test test-fast slow faults check serve clean

demo: $(VENV)/runtime
	$(BIN)/mammo demo $(if $(filter 0,$(SERVE)),--no-serve)

serve: $(VENV)/runtime
	$(BIN)/mammo serve

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not nightly"

test-fast: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not browser and not nightly"

slow: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m nightly

faults: $(VENV)/dev
	$(BIN)/python tests/reliability.py
	$(BIN)/python -m pytest -n 2 --dist loadfile -m faults

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mammo needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
ifneq ($(TORCH_INDEX),)
	$(BIN)/python -m pip install --index-url $(TORCH_INDEX) $$(grep -E '^torch(vision)?==' requirements.txt)
endif
	$(BIN)/python -m pip install -r requirements.txt
	$(BIN)/python -m pip install --no-deps -e .
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/runtime
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) *.egg-info
