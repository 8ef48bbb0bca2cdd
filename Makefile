# The commands of this project; `make help` lists them. What is longer than a line is in scripts/.

.DEFAULT_GOAL := help
# Where it is set, as in many images of containers, each process would compile all of the platform anew: a second a start.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run test lint types screenshots translations lock bench drill clean set-up set-up-test

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: set-up ## Install what is missing, then start the demo; Ctrl-C ends it, its data stays in var/
	@exec .venv/bin/messa run

test: set-up-test ## Install what is missing, then run every check and every test; ARGS="..." goes to pytest
	@sh scripts/need-test-parts.sh
	@sh scripts/test.sh $(ARGS)

lint: set-up-test ## Check style, formatting and who imports whom
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports

types: set-up-test ## Check the types
	.venv/bin/mypy

bench: set-up-test ## Measure mails and messages a second
	@sh scripts/need-test-parts.sh
	.venv/bin/python -m tests.bench $(ARGS)

drill: set-up-test ## The long drills: 200 rounds of kill -9, 8 rounds of a channel's faults, 10,000 texts by SMPP through Jasmin
	@sh scripts/need-test-parts.sh
	.venv/bin/pytest tests/functional/test_kill_drill.py tests/functional/test_fault_drill.py tests/functional/test_smpp_drill.py \
		--rounds=200 --fault-rounds=8 --smpp-texts=10000 --timeout=0 -s $(ARGS)

screenshots: set-up-test ## Fill var/screenshots with every page, as the browser tests see it
	@sh scripts/need-test-parts.sh
	@mkdir -p var/screenshots && rm -f var/screenshots/*.png
	MESSA_SCREENSHOTS=var/screenshots .venv/bin/pytest -n 2 --dist loadfile tests/browser $(ARGS)

translations: set-up-test ## Take new texts into messa_platform/locale, and say what is left to translate
	@.venv/bin/python scripts/catalogues.py $(ARGS)

lock: ## Pin requirements/*.in again; ARGS=--upgrade takes the newest versions
	@sh scripts/lock.sh $(ARGS)

clean: ## Remove the virtual environments and caches; with CONFIRM=yes also var/, the demo's data
	@CONFIRM=$(CONFIRM) sh scripts/clean.sh

set-up:
	@sh scripts/set-up.sh main

set-up-test:
	@sh scripts/set-up.sh test
