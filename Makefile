# Needs only make and Python 3.11 or newer; choose another one with `make test PYTHON=python3.13`.
PYTHON ?= python3
THREADS ?= 1
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
WHEEL := .venv-wheel
RESULTS := docs/benchmarks_results
CONTRACT := tests/test_contract.py tests/test_ecosystem.py tests/test_system.py
PYTEST := python -m pytest -n auto --doctest-modules tests skextra
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint docs bench kernels signatures wheel wheel-test checks fuzz cover
.PHONY: mutants lowest clean
.SECONDARY:

help:  ## show this list (the default)
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

demo: $(VENV)/.ready-demo $(VENV)/.kernels  ## run examples/tour.py: every estimator on real data
	@$(BIN)/python examples/tour.py

test: $(VENV)/.ready-test $(VENV)/.kernels  ## run every test, docstring and guide example
	@$(BIN)/$(PYTEST) docs/guide docs/index.rst docs/moving.rst --doctest-glob='*.rst'

lint: $(VENV)/.ready-lint  ## check style, formatting, direction of imports, docstrings and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports
	@$(BIN)/python docs/check_docstrings.py
	@$(BIN)/mypy
	@PYTHONPATH=. $(BIN)/stubtest --concise --mypy-config-file pyproject.toml skextra._sklearn
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/python docs/check_types.py

docs: $(VENV)/.ready-docs  ## build the pages into docs/_build/html, warnings as errors
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@$(BIN)/python docs/check_links.py docs/_build/html
	@$(BIN)/python docs/check_figures.py
	@echo "Open docs/_build/html/index.html"

# What slows OpenBLAS is unset, and every thread pool gets one size, or ratios would mean nothing.
bench: $(VENV)/.ready-bench $(VENV)/.kernels  ## run every benchmark and renew the tables shown in the docs
	@mkdir -p $(RESULTS)
	@for script in benchmarks/bench_*.py; do \
	  table=$(RESULTS)/$$(basename $$script .py).txt; \
	  echo "$$script -> $$table"; \
	  env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OMP_NUM_THREADS=$(THREADS) \
	    OPENBLAS_NUM_THREADS=$(THREADS) NUMBA_NUM_THREADS=$(THREADS) \
	    $(BIN)/python $$script > $$table.part || exit 1; \
	  mv $$table.part $$table && cat $$table; \
	done

kernels: | $(BIN)/pip  ## compile the loops again, after a change in skextra/_kernels
	@SKEXTRA_BUILD_KERNELS=required $(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $(VENV)/.kernels

signatures: $(VENV)/.ready-test  ## list anew with which types the loops are called
	@SKEXTRA_KERNELS=jit $(BIN)/python skextra/_kernels/ahead/record.py

wheel: | $(BIN)/pip  ## build dist/skextra-*.whl with compiled loops
	@rm -f dist/*.whl
	@SKEXTRA_BUILD_KERNELS=required $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls -l dist/*.whl

# pytest without `python -m`, so that the package comes from the wheel and not from this folder.
wheel-test: wheel | $(WHEEL)/bin/pip  ## install the wheel in an environment of its own, and test it
	@$(WHEEL)/bin/python -m pip install --quiet --force-reinstall --no-deps dist/*.whl
	@$(WHEEL)/bin/python -m pip install --quiet "$$(ls dist/*.whl)[test]"
	@cd docs && ../$(WHEEL)/bin/python -c "import skextra; skextra.show_versions()"
	@SKEXTRA_KERNELS=compiled $(WHEEL)/bin/pytest -n auto tests/test_first_use.py tests/test_contract.py
	@$(WHEEL)/bin/pytest -n auto tests/kernels

checks: $(VENV)/.ready-test $(VENV)/.ready-bench  ## renew the tables of scikit-learn's checks in the docs
	@$(BIN)/python -m pytest -q -n auto $(CONTRACT) --junitxml=docs/_build/checks.xml
	@$(BIN)/python docs/checks.py docs/_build/checks.xml

fuzz: $(VENV)/.ready-test  ## hand 3000 generated inputs to every estimator, good and bad ones
	@SKEXTRA_FUZZ=3000 $(BIN)/python -m pytest -n auto tests/test_fuzz.py

# Compiled code cannot be traced, so the tests of the kernels run uncompiled as well.
cover: $(VENV)/.ready-cover  ## measure which lines and branches the tests come through
	@rm -f .coverage .coverage.*
	@NUMBA_DISABLE_JIT=1 COVERAGE_FILE=.coverage.kernels $(BIN)/python -m pytest --cov --cov-report= \
	  -W "ignore:overflow encountered in scalar:RuntimeWarning" tests/kernels
	@COVERAGE_FILE=.coverage.all $(BIN)/$(PYTEST) --cov --cov-report=
	@$(BIN)/coverage combine -q && $(BIN)/coverage report --fail-under=97

CHANGES ?= 200
mutants: $(VENV)/.ready-cover  ## change kernels and compression at random; do the tests notice?
	@for suite in kernels compression; do \
	  $(BIN)/python tests/mutants.py $$suite $(CHANGES) || exit 1; \
	done > docs/checks_results/mutants.txt.part
	@mv docs/checks_results/mutants.txt.part docs/checks_results/mutants.txt
	@cat docs/checks_results/mutants.txt

lowest: $(LOWEST)/.ready  ## run the tests on the oldest versions allowed, in a venv of their own
	@$(LOWEST)/bin/$(PYTEST)

clean:  ## remove the virtual environments and everything that was built
	rm -rf $(VENV) $(LOWEST) $(WHEEL) dist skextra/_kernels/_compiled.* docs/_build docs/generated docs/auto_examples
	rm -rf .pytest_cache .ruff_cache .import_linter_cache .mypy_cache
	find skextra tests benchmarks examples docs -name __pycache__ -exec rm -rf {} +

# One environment, one stamp per set of extras; only a change of pyproject.toml installs again.
$(VENV)/.ready-%: pyproject.toml | $(BIN)/pip
	@echo "Installing skextra[$*] into $(VENV) (once; a minute or two)"
	@$(BIN)/python -m pip install --quiet --editable ".[$*]"
	@touch $@ $(VENV)/.kernels

$(VENV)/.kernels: $(wildcard skextra/_kernels/*.py skextra/_kernels/ahead/*) | $(BIN)/pip
	@echo "Compiling the loops (after a change; a minute or two)"
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(LOWEST)/.ready: pyproject.toml | $(LOWEST)/bin/pip
	@echo "Installing the oldest versions allowed into $(LOWEST) (once; a minute or two)"
	@$(LOWEST)/bin/python -m pip install --quiet uv
	@VIRTUAL_ENV=$(LOWEST) $(LOWEST)/bin/uv pip install --quiet --only-binary :all: \
	  --resolution lowest-direct --requirements pyproject.toml --extra test
	@$(LOWEST)/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

%/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "skextra needs Python 3.11 or newer, which '$(PYTHON)' is not: set PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $*
