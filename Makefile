# Everything a newcomer needs: `make demo` and `make test`. Nothing else has to be installed by hand.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools
UV := $(or $(shell command -v uv 2>/dev/null),$(CURDIR)/$(TOOLS)/bin/uv)
PACKAGES := factory engine sandbox policies components stacks localcloud access agents pipeline console
# What no command of ours imports: two thirds of all Python text in the environment. A test holds it against what the components use.
NOT_COMPILED := /(sympy|mpmath|networkx|debugpy|mypyc?|mypy_boto3_[a-z0-9]+|cfnlint|graphql|setuptools)/|/pulumi_aws/(?!(acm|budgets|cloudtrail|cloudwatch|codebuild|codepipeline|config|ec2|ecr|ecs|iam|kms|lb|rds|s3|secretsmanager|servicediscovery|sns|sqs|vpc)/)[a-z0-9]+/
# uv must use the Python that is here, and tell rather than fetch another one.
export UV_PYTHON_DOWNLOADS := never

.PHONY: help setup demo demo-clean test test-apps test-long test-fast soak lint lint-types lint-texts format bench docs lock clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(BIN)/.ready  ## Make .venv with everything pinned, and the pulumi command in it

demo: setup  ## Three apps' factories, and three changes through all six stages (DEMO=auto: nobody is asked)
	@$(BIN)/millwright demo $(if $(filter auto,$(DEMO)),--auto)

demo-clean: setup  ## Destroy what the demo (or you) left, prove it, remove the files
	@$(BIN)/millwright demo --clean

# Three workers on two cores: a third of their time they wait, for engines and daemons. What goes together and what
# comes first: tests/conftest.py.
SPREAD := -n 3 --dist loadfile --no-loadscope-reorder

test: setup  ## Lint, types, and every test
	@$(MAKE) --no-print-directory -j 2 lint-types lint-texts test-apps
	@$(BIN)/millwright engine install
	@$(BIN)/python -m pytest $(SPREAD) --hypothesis-profile short -m "not soak and not long"

test-apps: setup
	@for app in apps/*/source; do echo "the own tests of $$app"; (cd $$app && TEST_POSTGRES=1 $(CURDIR)/$(BIN)/python -m pytest -q -p no:cacheprovider) || exit 1; done

test-long: setup  ## The larger cases of what `make test` tests with a smaller one, property tests whole; CI runs both
	@$(BIN)/millwright engine install
	@$(BIN)/python -m pytest $(SPREAD) -m "(long or hypothesis) and not soak"

test-fast: setup  ## Only the tests without engine and servers
	@$(BIN)/python -m pytest -n 2 -m "not soak and not long and not engine and not e2e"

soak: setup  ## Long, seeded, bounded runs
	@$(BIN)/python -m pytest -m soak --timeout 3600

lint: setup  ## Format, lint, types, layers, licences, lock
	@$(MAKE) --no-print-directory -j 2 lint-types lint-texts

# mypy takes longer than all the others together, and one core: it has it to itself.
lint-types: setup
	@echo "types"; $(BIN)/mypy --no-error-summary

lint-texts: setup
	@echo "format"; $(BIN)/ruff format --check --quiet .
	@echo "lint"; $(BIN)/ruff check --quiet .
	@echo "layers"; $(BIN)/lint-imports --no-logo > .lint-imports.log 2>&1 || { cat .lint-imports.log; rm -f .lint-imports.log; exit 1; }; rm -f .lint-imports.log
	@echo "licences, lock, house"; $(BIN)/python -m tests.lint.house
	@echo "reference is current"; $(BIN)/python -m tests.lint.reference --check

format: setup  ## Format, and mend what can be mended
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix .

bench: setup  ## Ratios against named peers; never a pass or a fail
	@$(BIN)/python -m tests.bench.engine
	@$(BIN)/python -m tests.bench.recovery
	@$(BIN)/python -m tests.bench.portfolio
	@$(BIN)/python -m tests.bench.driver
	@$(BIN)/python -m tests.bench.policy
	@$(BIN)/python -m tests.bench.revocation
	@$(BIN)/python -m tests.bench.access
	@$(BIN)/python -m tests.bench.access_rules

docs: setup  ## Write docs/reference from the code
	@$(BIN)/python -m tests.lint.reference --write

lock: | $(UV)  ## Resolve the dependencies again into requirements.lock
	@# uv reads dependency groups of managed projects only, and ours is not one (`uv run` must not lock it again).
	@mkdir -p $(TOOLS)/lock && sed '/^managed = false/d' pyproject.toml > $(TOOLS)/lock/pyproject.toml
	@cd $(TOOLS)/lock && $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--no-annotate --group test --group lint --group tools pyproject.toml --output-file ../../requirements.lock

clean: ## Stop what runs and remove everything that was made here
	@if [ -x $(BIN)/millwright ]; then $(BIN)/millwright demo --clean; fi
	@rm -rf $(VENV) $(TOOLS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CURDIR)/$(TOOLS)/bin/uv:
	@echo "set-up: uv is not here; installing it into $(TOOLS)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/pip install --quiet --disable-pip-version-check uv

$(BIN)/.ready: requirements.lock pyproject.toml | $(UV)
	@echo "set-up: installing the pinned dependencies into $(VENV)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@# Compiled once here, not by every command: importing the AWS SDK costs 4 s otherwise where bytecode is not written.
	@$(BIN)/python -m compileall -q -j 0 -x '$(NOT_COMPILED)' $(VENV)/lib
	@# Where it is not written, each process would compile the factory's own text anew: a twentieth of an `up`.
	@$(BIN)/python -m compileall -q -j 0 $(PACKAGES)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/millwright engine shim
	@touch $@
