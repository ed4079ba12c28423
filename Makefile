# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# What you can do here: make help. The logic is in tests/tools/; each target sets up what it needs by itself.
.DEFAULT_GOAL := help
PYTHON ?= python3
GATES := $(PYTHON) tests/tools/gates.py

# The environment that everything below runs in.
export ANSIBLE_HOME := $(CURDIR)/.ansible
export MOLECULE_GLOB := molecule/*/molecule.yml
export _ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR := error
export ANSIBLE_PIPELINING := True
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help demo check test setup lint sanity units artifact kmod newest-kernels molecule test-kernel test-trixie test-debug soak chaos mutants bench scale clean

help: ## show this list
	@$(PYTHON) tests/tools/help.py $(firstword $(MAKEFILE_LIST))

demo: ## upgrade a kernel module on three running virtual machines under verified I/O
	@$(GATES) demo

check: ## lint, types, unit tests, documentation, sanity: under 90 s, no virtual machine
	@$(GATES) check

test: ## everything that must pass before a change is accepted, on real kernels
	@$(GATES) test

setup: ## install Debian packages and Python venvs (the other targets do it by themselves)
	@$(GATES) setup

lint: ## all linters
	@$(GATES) lint

sanity: ## ansible-test sanity
	@$(GATES) sanity

units: ## unit tests, by pytest and by ansible-test on the oldest and the newest supported Python
	@$(GATES) units

artifact: ## build the collection, let galaxy-importer judge it, look into the tarball
	@$(GATES) artifact

kmod: ## build the kernel modules for Debian's 6.1 and 6.12, check their style
	@$(GATES) kmod

newest-kernels: ## compile the kernel modules for the newest kernels that Debian has today
	@$(GATES) newest-kernels

molecule: ## all Molecule scenarios on virtual machines
	@$(GATES) molecule

test-kernel: ## the kernel modules' guarantees, each on each kernel, and power cuts
	@$(GATES) test-kernel

test-trixie: ## the scenarios of one or two hosts on Debian 13, its kernel 6.12 and its DKMS
	@$(GATES) test-trixie

test-debug: ## what only a debug kernel finds; builds it first (a quarter of an hour)
	@$(GATES) test-debug

soak: ## 1,000 swaps on each kernel under verified I/O, 200 with the order of all writes judged
	@$(GATES) soak

chaos: ## faults on three nodes under verified I/O: FAULTS of them (default 100), chosen by SEED
	@FAULTS=$(or $(FAULTS),100) $(GATES) chaos

mutants: ## take the kernel modules' guards away, one at a time: the test of each must go red
	@$(GATES) mutants

bench: ## figures: what a parent costs per I/O, how long holds last, beside device-mapper and a cold upgrade
	@$(GATES) bench

scale: ## upgrade 500 pretended hosts, one canary and then waves of 25: round trips, CPU and memory of the controller for each
	@$(GATES) scale

clean: ## remove what was built here (caches that other checkouts share stay)
	rm -rf build dist .ansible .cache .mypy_cache .ruff_cache .pytest_cache tests/output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
