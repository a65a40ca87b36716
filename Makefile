# The commands of a developer; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
comma := ,
PIP := @$(BIN)/pip install -qq --disable-pip-version-check --no-warn-conflicts

.DEFAULT_GOAL := help
.PHONY: help demo dev test core lint docs check dist clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 8

# Lava's two packages declare Python <3.11 but run on 3.11 to 3.13, hence the second call; on 3.14 all else runs.
LAVA := $(shell $(PYTHON) -c 'import sys; print(*["lava"] * (sys.version_info < (3, 14)))')
EXTRAS := $(if $(LAVA),lava$(comma))nir,onnx
$(VENV)/installed: pyproject.toml requirements/constraints.txt requirements/lava.txt
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	$(PIP) -c requirements/constraints.txt -e ".[$(EXTRAS)]"
	$(if $(LAVA),$(PIP) --no-deps --ignore-requires-python -r requirements/lava.txt)
	@touch $@

$(VENV)/developed: $(VENV)/installed requirements/peers.txt
	$(PIP) -c requirements/constraints.txt -e ".[$(EXTRAS),vision,events,recordings,scale,log,mnist-5k,experiments,docs,dev]"
	$(PIP) --no-deps -r requirements/peers.txt
	@touch $@

demo: $(VENV)/installed ## install, then train, export and verify once on handwritten digits
	$(BIN)/snnc demo --force

dev: $(VENV)/developed ## install all that developers need

test: $(VENV)/developed ## run all tests, those in Lava too, in a process for each core
	$(BIN)/python -m pytest -n auto --dist loadfile

# What needs no torch: the integer network, its simulators, the files for Loihi 2.
CORE := $(addprefix tests/toolchain/,network native data/test_saccades.py data/test_digits.py) \
	$(addprefix tests/toolchain/,test_atomic_file.py test_output_file.py test_seal.py) \
	$(addprefix tests/toolchain/simulate/,test_reference.py test_trace.py test_bitsliced.py test_bitsliced_joins.py) \
	$(addprefix tests/export/,hdf5 netx lava/test_schedule.py lava/test_limits.py)
PACKAGE := .
CORE_VENV = .venv-core-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

core: ## the core tests, without torch, in another Python: make core PYTHON=python3.12, of a wheel: PACKAGE=dist/NAME.whl
	@$(PYTHON) -m venv $(CORE_VENV)
	@$(CORE_VENV)/bin/pip install -qq --disable-pip-version-check numpy h5py click rich pytest pytest-xdist hypothesis scikit-learn
	@$(CORE_VENV)/bin/pip install -qq --disable-pip-version-check --no-deps --force-reinstall $(PACKAGE)
	$(CORE_VENV)/bin/python -P -m pytest -q -n auto -m "not slow and not lava" $(CORE)

lint: $(VENV)/developed ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/developed ## build the documentation into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

check: lint docs test ## what every commit must pass

# The wheel is built from the sdist, which so proves to be whole. auditwheel finds the oldest Linux that the kernels run on and
# fails if there are none; elsewhere the wheel has its tag already.
dist: ## make what a registry takes: the sdist, and one wheel for every Python of this platform
	@$(PYTHON) -m venv .venv-dist
	@.venv-dist/bin/pip install -qq --disable-pip-version-check -r requirements/dist.txt
	rm -rf dist
	.venv-dist/bin/python -m build -q .
	case $$(uname) in Linux) \
	    PATH="$(CURDIR)/.venv-dist/bin:$$PATH" auditwheel repair --plat auto -w dist dist/*-linux_*.whl && rm dist/*-linux_*.whl;; \
	esac
	.venv-dist/bin/twine check --strict dist/*

clean: ## remove the environment and all that tools have left behind
	rm -rf $(VENV) .venv-core-* .venv-dist build dist site *.egg-info toolchain/native/*.so snnc-demo
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
