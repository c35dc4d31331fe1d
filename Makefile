# What there is to do here. `make` alone lists it.
SWIFT ?= swift
FORMATTED := $(wildcard Sources Tests Examples Benchmarks Snippets Package.swift)

.DEFAULT_GOAL := help
.PHONY: help setup build test lint format demo bench bench-micro

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian, as root) or say what to install
	@scripts/setup.sh

build: ## build everything, debug
	$(SWIFT) build

demo: ## a broker that restarts and connections that are cut while messages flow; nothing is lost
	@scripts/setup.sh swift
	@echo "Building the demo (the first time takes some minutes) ..."
	@$(SWIFT) build --quiet --product demo
	@"$$($(SWIFT) build --show-bin-path)/demo"

test: setup ## the import floors and the conformance index, then every test, against brokers of its own
	@scripts/check-floors.sh
	@scripts/conformance
	$(SWIFT) build --build-tests
	@SWIFT='$(SWIFT)' scripts/run-tests.sh
	@scripts/check-compile-fail.sh

lint: ## floors, conformance index, sizes, licence headers, tree, pages and format
	@scripts/check-floors.sh
	@scripts/check-floors-test.sh
	@scripts/conformance
	@scripts/conformance-test.sh
	@scripts/check-sizes.sh
	@scripts/check-license.sh
	@scripts/check-tree.sh
	@scripts/check-readme.sh
	@scripts/check-faults.sh
	@scripts/check-zmqtt.sh
	@$(SWIFT) format lint --strict --parallel --recursive $(FORMATTED)
	@echo "format: ok"

format: ## rewrite the sources to the format
	$(SWIFT) format --in-place --parallel --recursive $(FORMATTED)

bench: ## CPU seconds per million messages, release build, beside libmosquitto where it is
	@scripts/bench.sh

bench-micro: ## encode, decode, match, route: time and allocations, against Benchmarks/thresholds.txt
	@scripts/bench-micro.sh
