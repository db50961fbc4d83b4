# The verbs of dibs. `make run` and `make test` do everything a fresh machine needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.built
DEV_STAMP := $(VENV)/.built-dev
BENCH_STAMP := $(VENV)/.built-bench
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := setup.py pyproject.toml $(wildcard ext/*.p* ext/plane/* ext/route/* loadtests/openloop/*.p*)
DATA ?= data
PORT ?= 8787
# Many tests wait for other processes, so a small machine does more than one at a time on each core.
# Files begin in their order: those that take long have names that come first.
WORKERS ?= $(shell n=$$(nproc); echo $$((n < 8 ? 2 * n : n)))

.PHONY: build run test check race faults bench bench-full contracts conformance load \
	channels-full channels-storm channels-kills channels-story channels-changes \
	channels-webhooks channels-million clean help

help:            ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(STAMP): $(SOURCES)
	@$(PYTHON) scripts/preflight.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing dibs and what it needs into $(VENV) (about a minute, once) …"
	@$(PIP) -e .
	@touch $(STAMP)

# The modules are compiled already; only the tools are fetched.
$(DEV_STAMP): $(STAMP)
	@echo "installing what the tests need …"
	@$(PIP) $$($(BIN)/python scripts/extra.py dev)
	@touch $(DEV_STAMP)

$(BENCH_STAMP): $(DEV_STAMP)
	@echo "installing what the benchmarks need …"
	@$(PIP) $$($(BIN)/python scripts/extra.py bench)
	@touch $(BENCH_STAMP)

build: $(STAMP)  ## make .venv/bin/dibs

run: build       ## start everything, with a demo catalogue and a burst of real orders
	$(BIN)/dibs up --data $(DATA) --port $(PORT) --demo

test: $(DEV_STAMP)      ## the whole suite, many tests at a time
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(DEV_STAMP)     ## style, types of mistakes, layout: seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest tests/tidy

race: $(DEV_STAMP)      ## races for the last unit, with controls that must oversell
	$(BIN)/python -m pytest tests/race

faults: $(DEV_STAMP)    ## kill -9 at every step, planted bugs, two writers: about a quarter of an hour
	$(BIN)/python -m tests.faults all

bench: $(BENCH_STAMP)   ## measure the short cut of everything, record it, write docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-full: $(BENCH_STAMP) ## measure all of it: about an hour and a half
	$(BIN)/python -m benchmarks --full

# Needs node; the contracts are beside this folder, or where DIBS_SHARED_CONTRACTS says.
CONTRACTS := tests/sync/contracts
$(CONTRACTS)/node_modules/.bin/prism: $(CONTRACTS)/package-lock.json
	npm ci --no-audit --no-fund --ignore-scripts --prefix $(CONTRACTS)

contracts: $(DEV_STAMP) $(CONTRACTS)/node_modules/.bin/prism ## every call that connectors make, judged by the channels' contracts: minutes
	$(BIN)/python -m $(subst /,.,$(CONTRACTS))

conformance: $(DEV_STAMP) $(CONTRACTS)/node_modules/.bin/prism ## what every connector must do, channels by tests; writes docs/connect/conformance.md
	$(BIN)/python -m tests.sync.conformance

load: $(DEV_STAMP)      ## a short round of load, judged; writes data/load/report.html
	$(BIN)/python -m loadtests --out $(DATA)/load/report.html

channels-full: $(DEV_STAMP)      ## every guide to a channel, and each channel's tests at full size: a quarter of an hour
	DIBS_SYNC_FULL=1 $(BIN)/python -m pytest tests/sync --timeout=900

channels-storm: $(BENCH_STAMP)   ## 100,000 orders over all channels on their worst day, judged
	$(BIN)/python -m benchmarks.bench_channels_storm

channels-kills: $(BENCH_STAMP)   ## kill -9 of the office in the middle of telling channels, judged
	$(BIN)/python -m benchmarks.bench_channels_kills

channels-story: $(BENCH_STAMP)   ## one surge on three channels, beside batches and first in first out
	$(BIN)/python -m benchmarks.bench_channels_story

channels-webhooks: $(BENCH_STAMP) ## 10,000 webhooks that come twice, too early or never: answers timed, orders judged
	$(BIN)/python -m benchmarks.bench_channels_webhooks

channels-million: $(BENCH_STAMP)  ## a shop of a million listings is connected, sells out, and is checked out at
	$(BIN)/python -m benchmarks.bench_channels_million

channels-changes: $(BENCH_STAMP) ## 100,000 stock changes: calls made, quotas used, repeats
	$(BIN)/python -m benchmarks.bench_channels_changes

clean:           ## remove what building left
	rm -rf $(VENV) build *.egg-info ext/*.so ext/*.c loadtests/openloop/*.so loadtests/openloop/*.c
