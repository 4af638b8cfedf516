# `make help` lists what there is. Needs Python 3.11+, git and make; everything else is set up here.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && \
	$$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null && { echo $$p; break; }; done)
UV := .tools/bin/uv
VENV := .venv
RUN := $(VENV)/bin
DISTRIBUTIONS := protos shared models services/ingest services/audio services/vision services/scoring services/render \
	services/catalog services/models cli
EDITABLES := $(foreach d,$(DISTRIBUTIONS),-e $(d))
PROJECTS := $(foreach d,$(DISTRIBUTIONS),$(d)/pyproject.toml)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--excludes requirements/excludes.txt
# Locked by hash and without an index's address, so the same lock serves behind any mirror (docs/adr/0001).
# Compiled when installed: else the first start, and each one where Python may not write beside its modules, takes 2 s longer.
INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(VENV)/bin/python
SAMPLE := $(VENV)/sample/sample.mp4
VIDEO ?= $(SAMPLE)
ARGS ?=

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

.PHONY: run
run: $(VENV)/.run $(VIDEO) ## Make clips: make run VIDEO=talk.mp4 ARGS="--clips 3"; without VIDEO: of the sample
	@$(RUN)/clipmill run $(ARGS) -- "$(VIDEO)"

.PHONY: up
up: $(VENV)/.kafka ## Run Kafka and all services on this machine until Ctrl-C: make up ARGS="--grpc-port 0"
	@exec $(RUN)/clipmill up $(ARGS)

.PHONY: setup
setup: $(VENV)/.run ## Set up what running needs

.PHONY: test
test: $(VENV)/.test $(SAMPLE) ## Every test, on real servers too (under 15 minutes on 2 cores)
	@$(RUN)/python -m pytest -n $${TEST_PROCESSES:-2} --dist loadgroup $(ARGS)

.PHONY: faults
faults: $(VENV)/.test ## Every fault once, on real engines, with stand-ins for the models (under 10 minutes)
	@cd tests && ../$(RUN)/python -m faults $(ARGS)

.PHONY: faults-long
faults-long: $(VENV)/.test $(SAMPLE) ## One fault of each kind with the real models on the sample
	@cd tests && ../$(RUN)/python -m faults --real "../$(SAMPLE)" --every 60 $(ARGS)

.PHONY: lint
lint: $(VENV)/.test ## ruff, mypy, import-linter, buf, generated code up to date
	@$(RUN)/ruff check --quiet . && $(RUN)/ruff format --quiet --check . || { echo 'ruff: run make format'; exit 1; }
	@$(RUN)/mypy --no-error-summary $(foreach d,$(DISTRIBUTIONS),$(d)/src)
	@$(RUN)/lint-imports --no-logo >/tmp/clipmill-imports.$$$$ || { cat /tmp/clipmill-imports.$$$$; exit 1; }; rm -f /tmp/clipmill-imports.$$$$
	@cd protos && ../$(RUN)/buf lint
	@$(RUN)/python protos/generate.py --check
	@echo 'lint: ok'

.PHONY: format
format: $(VENV)/.test ## Format the code
	@$(RUN)/ruff check --quiet --fix . ; $(RUN)/ruff format --quiet .

.PHONY: bench
bench: $(VENV)/.test $(SAMPLE) ## Speed and memory, as JSON: benchmarks/README.md
	@$(RUN)/python -m benchmarks $(ARGS)

.PHONY: generate
generate: $(VENV)/.test ## Generated code of protos/
	@$(RUN)/python protos/generate.py

.PHONY: models
models: $(VENV)/.run ## A Triton model repository in out/models, and the generated configuration of each model
	@$(RUN)/python -m clipmill_models out/models

.PHONY: export
export: .venv-export/.made $(SAMPLE) ## Networks as ONNX files in out/exported, compared (torch and TensorFlow: 7 GB, once)
	@.venv-export/bin/python tools/export/shots.py out/exported $(SAMPLE)
	@$(RUN)/python tools/export/faces.py .venv-export/bin/python out/exported $(SAMPLE)
	@$(RUN)/python -m tools.export.text_areas .venv-export/bin/python out/exported $(SAMPLE)

.venv-export/.made: requirements/export.txt | $(UV)
	@test -x .venv-export/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-export
	@$(UV) pip install --quiet --python .venv-export/bin/python --no-deps --require-hashes -r requirements/export.txt
	@touch $@

.PHONY: sample
sample: $(SAMPLE) ## The sample talk with its truth

.PHONY: lock
lock: $(UV) ## Pin the dependencies anew (LOCK_ARGS=--upgrade for newer ones)
	@$(COMPILE) $(LOCK_ARGS) $(PROJECTS) -o requirements/run.txt
	@$(COMPILE) $(LOCK_ARGS) requirements/build.in -o requirements/build.txt
	@$(COMPILE) $(LOCK_ARGS) requirements/kafka.in -o requirements/kafka.txt
	@$(COMPILE) $(LOCK_ARGS) requirements/fonts.in -o requirements/fonts.txt
	@$(COMPILE) $(LOCK_ARGS) requirements/test.in -o requirements/test.txt
	@$(COMPILE) $(LOCK_ARGS) requirements/export.in -o requirements/export.txt
	@$(COMPILE) --no-deps $(LOCK_ARGS) requirements/triton-client.in -o requirements/triton-client.txt
	@$(COMPILE) --no-deps $(LOCK_ARGS) requirements/triton.in -o requirements/triton.txt

.PHONY: clean
clean: ## Remove the environments and the sample
	@rm -rf $(VENV) .venv-sample .venv-export .tools

$(UV):
	@test -n "$(PYTHON)" || { echo 'Clipmill needs Python 3.11, 3.12 or 3.13 on the PATH; or say make PYTHON=/path/to/python'; exit 1; }
	@$(PYTHON) -m venv .tools 2>/dev/null || { echo 'This Python has no venv module: install it (Debian: apt-get install python3-venv) and run make again'; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt

$(VENV)/.run: requirements/run.txt requirements/build.txt $(PROJECTS) | $(UV)
	@echo 'Setting up (once, about a minute) ...'
	@test -x $(VENV)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@$(INSTALL) --no-deps --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(INSTALL) --no-deps --no-build-isolation $(EDITABLES)
	@$(RUN)/python -m compileall -q $(foreach d,$(DISTRIBUTIONS),$(d)/src) && touch $@

$(VENV)/.kafka: $(VENV)/.run requirements/kafka.txt
	@$(INSTALL) --no-deps --require-hashes -r requirements/kafka.txt
	@touch $@

.PHONY: fonts
fonts: $(VENV)/.run requirements/fonts.txt ## Fonts for captions in CJK, Arabic, Hebrew, Devanagari and Thai
	@$(INSTALL) --no-deps --require-hashes -r requirements/fonts.txt

$(VENV)/.test: $(VENV)/.kafka requirements/fonts.txt requirements/test.txt requirements/triton-client.txt .tools/triton/.made
	@$(INSTALL) --no-deps --require-hashes -r requirements/test.txt -r requirements/fonts.txt -r requirements/triton-client.txt
	@touch $@

# A server of the models for tests; in an environment of its own, because it needs numpy 1 (docs/adr/0023).
.tools/triton/.made: requirements/triton.txt | $(UV)
	@test -x .tools/triton/bin/python || $(UV) venv --quiet --python $(PYTHON) .tools/triton
	@$(UV) pip install --quiet --python .tools/triton/bin/python --no-deps --require-hashes -r requirements/triton.txt
	@touch $@

$(SAMPLE): $(wildcard tools/sample/*.py) tools/sample/requirements.txt | $(UV) $(VENV)/.run
	@echo 'Making the sample talk (once, about a minute) ...'
	@test -x .venv-sample/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-sample
	@$(UV) pip install --quiet --python .venv-sample/bin/python --no-deps --require-hashes -r tools/sample/requirements.txt
	@.venv-sample/bin/python tools/sample/make_sample.py $(dir $@) && touch $@
