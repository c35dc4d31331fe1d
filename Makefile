# What there is to do here. `make` alone lists it.
SWIFT ?= swift
FORMATTED := $(wildcard Sources Tests Examples Benchmarks Snippets Package.swift)

# Tests that wait for brokers, processes and sockets, apart from those that only compute: on few cores those would starve them.
WITH_BROKERS := MQTTIntegrationTests
WITH_PROCESSES := MQTTCtlTests|FixtureTests
WITH_SOCKETS := MQTTTransportTests
# Those of them that compute, and would make the others wait.
COMPUTING := WebSocketFuzzTests|WebSocketFrameTests|TLSSettingsTests|ServiceAnswerTests|ProxyHandshakeTests
# Those of brokers that move most bytes.
ROADS := RoadTests|RoadMatrixTests|RoadSecrecyTests|FailoverTests
# Tests that take all processors for themselves, one after the other.
LOAD := LoadTests

.DEFAULT_GOAL := help
.PHONY: help setup build test lint format demo bench bench-micro

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian, as root) or say what to install
	@scripts/setup.sh

build: ## build everything, debug
	$(SWIFT) build

demo: setup ## a real broker, restarted while messages are published; nothing is lost
	@echo "Building the demo (the first time takes some minutes) ..."
	@$(SWIFT) build --quiet --product demo
	@"$$($(SWIFT) build --show-bin-path)/demo"

test: setup ## the import floors and the conformance index, then every test, against brokers of its own
	@scripts/check-floors.sh
	@scripts/conformance
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --skip '$(WITH_BROKERS)|$(WITH_PROCESSES)|$(WITH_SOCKETS)'
	$(SWIFT) test --skip-build --filter '$(COMPUTING)'
	$(SWIFT) test --skip-build --filter '$(WITH_SOCKETS)' --skip '$(COMPUTING)'
	$(SWIFT) test --skip-build --filter '$(WITH_PROCESSES)'
	$(SWIFT) test --skip-build --filter '$(WITH_BROKERS)' --skip '$(LOAD)|$(ROADS)'
	$(SWIFT) test --skip-build --filter '$(ROADS)'
	$(SWIFT) test --skip-build --filter '$(LOAD)'
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
