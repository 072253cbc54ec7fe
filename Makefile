# Everything runs in .venv, which the first command makes. Needs Python 3.11 or newer and make.

PYTHON ?= python3
RUN = .venv/bin/python

.PHONY: run serve test faults lint clean

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
	$(RUN) -m pytest tests/faults

## lint     ruff and mypy
lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

## clean    forget the virtual environment and the local data
clean:
	rm -rf .venv .local

.venv/installed: requirements.txt tests/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.13")'
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r tests/requirements.txt
	touch $@
