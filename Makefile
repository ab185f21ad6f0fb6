# make demo    everything on this machine, with invented people, on http://127.0.0.1:$(PORT)
# make test    every test, on PostgreSQL, Redis and a browser of its own (ARGS="tests/unit -k mrz" for some)
# make setup   install everything, start nothing
# make tour    scenes in the terminal, against a demo that runs in another one
# make lint    style, types, import contracts
# make bench   speed of the main routes as ratios to a reference route
# make simulate people and rings through the real rules; writes docs/simulation.md (a simulation, not evidence)
# make image   the container image
# make notices third-party notices and the SBOM, into build/
# make audit   known vulnerabilities of the locked packages, as a report
#
# Standard output belongs to the command that a target is about; whatever prepares it talks on standard error,
# so that the first line of `make demo` is its JSON.

PORT ?= 8080
DATA ?= data
ARGS ?=
IMAGE ?= simward
BIN := .venv/bin
# One more than cores, of three to four: some tests wait for a clock or a server while others work.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 3 ? 3 : 4)))
# Where this is set, every process that a test starts would compile all of the service anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo tour test lint bench simulate image notices audit
help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

setup:
	@sh tools/setup.sh dev 1>&2

# `exec` and the tether: Ctrl-C reaches the demo itself, and a killed make takes it along.
demo:
	@sh tools/setup.sh run 1>&2
	@exec $(BIN)/python -I -S tools/tether.py $(BIN)/simward demo --port "$(PORT)" --data "$(DATA)"

tour:
	@sh tools/setup.sh run 1>&2
	@exec $(BIN)/simward tour --data "$(DATA)" $(ARGS)

test: setup
	@CHROMIUM="$$(sh tools/chromium.sh)" && export CHROMIUM && \
	    SIMWARD_TEST_REDIS="$$(sh tools/redis.sh)" && export SIMWARD_TEST_REDIS && \
	    OCRB_FONT="$$(sh tools/ocrb.sh)" && export OCRB_FONT && \
	    exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10 $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	@sh tools/ocrb.sh 1>&2
	@exec $(BIN)/python -m bench $(ARGS)

simulate: setup
	@exec $(BIN)/simward simulate --write-docs $(ARGS)

image:
	docker build --tag "$(IMAGE)" .

notices: setup
	@exec $(BIN)/python tools/notices.py

audit: setup
	@exec $(BIN)/python tools/audit_deps.py
