# The front page: `make help` lists every target. No logic here: recipes call `python -m lib`.
PYTHON ?= python3
ENV    ?= local
SHARE  ?= 1
FLOOR  := $(shell sed -n 's/^requires-python = ">=\(.*\)"/\1/p' pyproject.toml)

# Flags that make says nothing about and that would turn every verdict into a success: ignore errors, touch, question.
FLAGS := $(filter-out --%,$(firstword -$(MAKEFLAGS)))
FLAGS := $(if $(findstring =,$(FLAGS)),,$(FLAGS))
ifneq ($(strip $(foreach flag,i t q,$(findstring $(flag),$(FLAGS)))),)
$(error make was started with -$(strip $(foreach flag,i t q,$(findstring $(flag),$(FLAGS)))) (on the command line or in MAKEFLAGS), which hides failures. Fix: Run it without)
endif

# A person's settings of Python and libpq must not change what a run does.
unexport PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONOPTIMIZE PYTHONINSPECT PYTHONSAFEPATH PYTHONIOENCODING PYTHONNOUSERSITE
unexport PYTHONDONTWRITEBYTECODE PYTHONUSERBASE PYTHONDEBUG PYTHONDEVMODE PYTHONHASHSEED PYTHONVERBOSE PYTHONBREAKPOINT PYTHONCASEOK PYTHONEXECUTABLE
unexport PYTHONPLATLIBDIR PYTHONPROFILEIMPORTTIME PYTHONMALLOC PYTHONTRACEMALLOC PYTHONCOERCECLOCALE JUPYTER_PATH JUPYTER_CONFIG_DIR
export PYTHONPATH := $(CURDIR)
export PYTHONUTF8 := 1
export JUPYTER_PREFER_ENV_PATH := 1
export PYTHONPYCACHEPREFIX := $(CURDIR)/.run/pycache
VENV_PYTHON := .venv/bin/python
LIB := $(VENV_PYTHON) -m lib

.DEFAULT_GOAL := help
.PHONY: adopt help setup requirements publish-docs readiness fleet faults health notify-dry-run sync-credentials guardrails tidy init confirm lab strip-outputs test bench lint check-machines new-task resilience verify remove-run key rotate-key revoke-key resume diff replay bundle docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {sub("%", "<env>", $$1); printf "  \033[1m%-20s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: ENV=staging ONLY=migrations,rls PACK=../project STRICT=1 REUSE=1 ALLOW_WRITES=staging APPLY=1 BASE=origin/main RUN=<run id> A=<run id> B=<run id> REDACT=<checks> NAME=<task, project or signer> KEY=<public key file> REASON=<why> DRY_RUN=1 BASELINE=1 SHARE=0.1 ROUNDS=5 SECONDS=60 OFF=1 ENVS=local,staging PACKS=../a,../b FLEET=fleet.yaml POLICY=stricter.yaml SCHEDULER=tls://... RESULTS=s3://bucket/fleet"

setup: ## Install what is missing into .venv and .tools (nothing when all is there)
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Fix: Install Python $(FLOOR) or newer, or name one: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.version_info >= tuple(map(int, "$(FLOOR)".split("."))) or sys.exit("Python " + sys.version.split()[0] + " is too old: $(FLOOR) or newer is needed. Fix: Name a newer one, such as make PYTHON=python$(FLOOR)")'
	@$(PYTHON) -m lib.cli.install $(if $(filter setup,$(MAKECMDGOALS)),--say-optional)

%-readiness: setup ## Run every task of one environment: local-, staging-, production-readiness
	@$(LIB) run $* --only "$(ONLY)" --pack "$(PACK)"

readiness: setup ## The same for ENV=...: make readiness ENV=staging ONLY=rls,seed
	@$(LIB) run $(ENV) --only "$(ONLY)" --pack "$(PACK)"

fleet: setup ## Run many projects in many environments, on a cluster or on two workers here: make fleet ENVS=local,staging PACKS=../a,../b
	@$(LIB) fleet --environments "$(ENVS)" --packs "$(PACKS)" --only "$(ONLY)" --file "$(FLEET)" --scheduler "$(SCHEDULER)" --results "$(RESULTS)"

faults: setup ## Show what each green is worth: faults made on purpose, SECONDS=120 a task: make faults ENV=staging ONLY=rls
	@$(LIB) faults $(ENV) --only "$(ONLY)" --pack "$(PACK)" --seconds "$(SECONDS)"

health: setup ## Check Chatwoot and Publer alone, and notify a person of what fails: make health ENV=staging
	@$(LIB) health $(ENV) --pack "$(PACK)"

notify-dry-run: setup ## Send one message as a failure would, and show it as it arrived
	@$(LIB) notify-dry-run $(ENV) --pack "$(PACK)"

sync-credentials: setup ## Bring the vault's credentials to Fly.io and GitHub: plan only unless APPLY=1, ENV=staging
	@$(LIB) sync-credentials $(ENV) --pack "$(PACK)"

guardrails: setup ## Check this branch, or that of PACK=..., against the project's policy: make guardrails BASE=origin/main
	@$(LIB) guardrails $(ENV) --base "$(BASE)" --pack "$(PACK)"

tidy: setup ## Move stray Markdown to the archive folder: plan only unless APPLY=1
	@$(LIB) tidy $(ENV) --pack "$(PACK)"

init: setup ## Read a project, try its database, and write what it is expected to be: make init PACK=../project; BASELINE=1 waives what fails today
	@$(LIB) init --pack "$(PACK)" --name "$(NAME)" --dry-run "$(DRY_RUN)" --baseline "$(BASELINE)"

confirm: setup ## Walk the lines that init guessed, one key each: make confirm PACK=../project
	@$(LIB) confirm --pack "$(PACK)"

lab: setup ## Open JupyterLab at a start page; each notebook runs top to bottom on its own: make lab PACK=../project
	@$(LIB) lab --pack "$(PACK)" -- $(LAB_OPTIONS)

strip-outputs: setup ## Keep what notebooks put out from commits of this clone, and show their changes cell by cell: OFF=1 takes it back
	@$(LIB) strip-outputs --off "$(OFF)"

test: setup ## Run every test
	@$(VENV_PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(TESTS)

bench: setup ## Measure the workbook beside its peers, in turn, and keep a page in .run/bench: ROUNDS=5 ONLY=kernels,run,rls,digest,backup
	@$(VENV_PYTHON) -m tests.benchmarks --only "$(ONLY)" --rounds "$(ROUNDS)"

resilience: setup ## Kill, starve and attack the workbook on this machine, and keep the figures in docs/resilience.md: ONLY=kills SHARE=0.1
	@$(VENV_PYTHON) -m tests.resilience --only "$(ONLY)" --share "$(SHARE)"

check-machines: ## Rehearse on every Python from the floor up that is found, each in a fresh clone: PYTHONS=/usr/bin/python3 names some
	@$(PYTHON) -m lib.cli.check_machines $(PYTHONS)

lint: setup ## Check style, types, and that nothing needs a newer Python than the floor
	@.venv/bin/ruff check . && .venv/bin/mypy --python-version $(FLOOR) lib && .venv/bin/python -m pytest -q tests/cli/test_check_machines_floor.py

verify: setup ## Say who signed a run, and check all of it: make verify RUN=<folder or run id> PACK=../project, or KEY=<public key file>
	@$(LIB) verify "$(RUN)" --key "$(KEY)" --pack "$(PACK)"

remove-run: setup ## Remove a run's folder, and keep, signed, that it was there and why it went: shows it only unless APPLY=1, RUN=<run id> REASON="..."
	@$(LIB) remove-run "$(RUN)" --reason "$(REASON)" --pack "$(PACK)"

key: setup ## Make a key that signs runs, outside of any project, and show the file that makes PACK=... trust it; APPLY=1 writes that: make key NAME=release-bot
	@$(LIB) key "$(NAME)" --pack "$(PACK)"

rotate-key: setup ## Replace a signer's key; what the old one signed still counts: shows it only unless APPLY=1, NAME=release-bot
	@$(LIB) rotate-key "$(NAME)" --pack "$(PACK)"

revoke-key: setup ## Void everything that a key ever signed, earlier runs too: shows it only unless APPLY=1, NAME=release-bot REASON="stolen"
	@$(LIB) revoke-key "$(NAME)" --pack "$(PACK)" --reason "$(REASON)"

resume: setup ## Finish a run that was stopped or killed, without repeating what passed: make resume RUN=<run id>
	@$(LIB) resume "$(RUN)"

bundle: setup ## Write a run as one zip and one page for strangers, with what checks them: make bundle RUN=<run id> REDACT=rls,artifacts/seed/push.txt
	@$(LIB) bundle "$(RUN)" --redact "$(REDACT)"

diff: setup ## Say what differs between two runs, and fail when the second is worse: make diff A=<run> B=<run>
	@$(LIB) diff "$(A)" "$(B)"

replay: setup ## Decide every kept run again under another policy, and say which come out otherwise: POLICY=<file>, ENV=staging
	@$(LIB) replay $(ENV) --policy "$(POLICY)" --pack "$(PACK)"

publish-docs: setup ## Write the newest run's documents into the pack: shows the diff only unless APPLY=1, ENV=staging
	@$(LIB) publish-docs $(ENV) --pack "$(PACK)" --run "$(RUN)"

adopt: setup ## Bring scripts, workflows, policy and runbook into PACK=... where they are missing: shows the diff only unless APPLY=1
	@$(LIB) adopt --pack "$(PACK)" --only "$(ONLY)"

new-task: setup ## Write a launch task as a working example: make new-task NAME=cdn_cache; with PACK=... one of the project's own
	@$(LIB) new-task "$(NAME)" --pack "$(PACK)"

requirements: setup ## Pin requirements.in and docs/requirements.in anew
	@.venv/bin/uv pip compile --quiet --universal --python-version $(FLOOR) --no-header --no-annotate --generate-hashes requirements.in -o requirements.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version $(FLOOR) --no-header --no-annotate --generate-hashes docs/requirements.in -o docs/requirements.txt

docs: ## Build the documentation into .run/site with its own packages, and check each of its links
	@$(PYTHON) -m venv .run/venv-docs && .run/venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r docs/requirements.txt
	@NO_MKDOCS_2_WARNING=1 .run/venv-docs/bin/mkdocs build --strict --quiet && echo "Open .run/site/index.html, or: $(PYTHON) -m http.server --directory .run/site"

clean: ## Remove what can be made again; rendered runs and backups stay: they are evidence
	@rm -rf .venv .tools .run .pytest_cache .ruff_cache .mypy_cache .hypothesis
