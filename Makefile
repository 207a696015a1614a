STACK ?= desktop
PROCESS ?=
RUNTIME ?=
SCHEDULER ?=

ifdef MSPASS_TEST_DOUBLES # for machines that reach no registry; steps aside for Pulumi's own plugin
export PATH := $(CURDIR)/tests/harness/docker_plugin:$(PATH)
endif

python := .venv/bin/python
hpc := tests/e2e/slurm
mspass_stack := $(python) -I -m mspass_stack

.PHONY: help ready bootstrap desktop test test-hpc lint status logs example verify destroy bench bench-lab bench-pools bench-hpc bench-encryption bench-preview bench-programs lab-sim lab-sim-down slurm-sim slurm-sim-down

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "make %-17s%s\n", $$1, $$2 }'

bootstrap: ## the environment and Pulumi; done by the others when needed
	@SCHEDULER='$(SCHEDULER)' scripts/bootstrap

desktop: own := $(if $(filter spark,$(SCHEDULER)),desktop-spark,desktop)
desktop: of := $(if $(filter spark,$(SCHEDULER)), STACK=desktop-spark)
desktop: bootstrap ## a running MsPASS cluster on this machine (RUNTIME=docker or native, SCHEDULER=spark)
	@scripts/ensure-stack $(own)
	@$(mspass_stack) choose-runtime --stack $(own) --runtime '$(RUNTIME)'
	.venv/bin/pulumi up -s $(own) --yes --skip-preview --suppress-outputs
	@$(mspass_stack) status --stack $(own)
	@echo
	@echo 'MsPASS is running. Go on with:'
	@echo '    make status$(of)                                            what runs, and where Jupyter is'
	@echo '    make verify$(of)                                            check the cluster from outside'
	@echo '    make example$(of)                                           real waveforms through it'
	@echo '    . .venv/bin/activate                                   then, in this shell:'
	@echo '    pulumi stack output jupyterUrl -s $(own) --show-secrets'
	@echo '    pulumi up -s $(own)                                   after a change, or to heal it'
	@echo '    pulumi destroy -s $(own)                              stop it; the data stay'

# What is checked and tested has Spark in it, and so have the simulated hosts.
lint test test-hpc lab-sim slurm-sim: SCHEDULER = spark

test: lint ## lint, then every tier of the tests
	@$(python) -m tests.harness
	MSPASS_TEST_DOUBLES=1 $(python) -m pytest --numprocesses 2 --dist loadscope --ignore $(hpc)

test-hpc: bootstrap ## the tests on a simulated Slurm cluster (Debian, root)
	@$(python) -m tests.harness.slurm.prepare
	MSPASS_TEST_DOUBLES=1 $(python) -m pytest --numprocesses 2 --dist loadscope $(hpc)

lint: bootstrap ## ruff, pyright and import-linter
	$(python) -m ruff check
	$(python) -m ruff format --check
	.venv/bin/pyright
	.venv/bin/lint-imports

status: ready ## the processes of the stack (STACK=name)
	@$(mspass_stack) status --stack $(STACK)

logs: ready ## what a process wrote (PROCESS=name STACK=name)
	@$(mspass_stack) logs --stack $(STACK) $(PROCESS)

example: ready ## the example workflow on the deployed stack
	@$(mspass_stack) run --stack $(STACK) examples/waveforms.py

verify: ready ## check the deployed stack
	@$(mspass_stack) verify --stack $(STACK)

destroy: ready ## stop the stack; the data stay
	.venv/bin/pulumi destroy -s $(STACK) --yes

bench: ready ## start to ready, against the same daemons started by hand
	$(python) bench/start_to_ready.py

bench-pools: ready ## the same jobs by Dask and by Spark
	$(python) bench/pools.py

bench-lab: ready ## the same for a sharded lab of three simulated hosts (Debian, root)
	$(python) bench/lab.py

bench-hpc: ready ## the same for a sharded database in a Slurm job of six simulated nodes (Debian, root)
	$(python) bench/hpc.py

bench-encryption: ready ## what TLS costs at a mongod
	$(python) bench/encryption.py

bench-preview: ready ## plan and preview of a job with many workers: resources, seconds, memory
	$(python) bench/preview.py

bench-programs: ready ## many programs in a job of a simulated cluster (Debian, root)
	$(python) bench/programs.py

lab-sim: bootstrap ## four simulated lab hosts, to try `pulumi up -s lab-sim` on (Debian, root)
	@scripts/ensure-stack lab-sim
	@$(python) -m tests.harness.lab up

lab-sim-down: ready ## remove the simulated hosts and every trace of them
	@$(python) -m tests.harness.lab down

slurm-sim: bootstrap ## a login host and six nodes of Slurm, to try `pulumi up -s hpc-sim` on (Debian, root)
	@scripts/ensure-stack hpc-sim
	@$(python) -m tests.harness.slurm up

slurm-sim-down: ready ## remove the simulated cluster and every trace of it
	@$(python) -m tests.harness.slurm down

ready: # a clone that was moved is not: what is installed names its folder
	@[ -L .venv ] || [ "$$(head -n 1 .venv/.bootstrap 2>/dev/null)" = '$(CURDIR)' ] || scripts/bootstrap
