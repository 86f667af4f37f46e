# Verbs for people; CMake does the building (presets in CMakePresets.json). `make help` lists the verbs.
# Variables: PREFIX and DESTDIR for install, SECONDS for fuzz, KAFKA=host:port for quickstart, J for build jobs.
SHELL := /bin/bash
.DEFAULT_GOAL := all
J ?= $(shell nproc)
PREFIX ?= /usr/local
BUILD := build/release
PRODUCT := schloss_bin schloss schloss_modules schloss_kafka schloss_static schloss_kafka_static

# configure-PRESET: made once; Ninja re-runs CMake by itself when its files change.
build/%/build.ninja: CMakePresets.json
	@cmake --preset $* --log-level=WARNING >/dev/null

.PHONY: help all deps quickstart test python lint bench fuzz soak install deb format docs clean distclean
.PHONY: dev asan ubsan tsan coverage

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo "  make dev, asan, ubsan, tsan, coverage   builds of these kinds below build/"

all: $(BUILD)/build.ninja ## release build: build/release/bin/schloss, build/release/lib/libschloss.so
	@cmake --build $(BUILD) -j $(J) --target $(PRODUCT)

deps: ## install the packages that a build needs
	@tools/install-deps build

quickstart: deps ## build, then see a tagged field encrypted on a topic (KAFKA=host:port: on your broker)
	@$(MAKE) --no-print-directory all
	@examples/quickstart/run $(BUILD)/bin/schloss

test: ## install what is missing and run every test
	@tools/install-deps build test
	@tools/test-all

python: ## the Python binding's wheel: build/release/python/schloss-*.whl
	@tools/install-deps build test
	@$(MAKE) --no-print-directory all
	@bindings/python/make-wheel $(BUILD)

lint: ## formatting, static analysis, include arrows, exports, documents
	@tools/install-deps build test
	@tools/lint

bench: ## compare with the official clients and the floor; writes build/bench/*.json
	@tools/install-deps build test
	@$(MAKE) --no-print-directory all
	@cmake --build $(BUILD) -j $(J)
	@bench/run

fuzz: ## run every fuzz target for SECONDS (60)
	@tools/install-deps build test
	@tools/fuzz-all $(or $(SECONDS),60)

soak: ## everything of `make test` in full: 5 minutes per fuzz target, an hour of differential tests, every fault
	@tools/install-deps build test
	@tools/test-all --soak

install: all ## install below PREFIX (/usr/local); DESTDIR is honoured
	cmake --install $(BUILD) --prefix $(PREFIX)

deb: ## a Debian package in build/release/
	@tools/install-deps build deb
	@$(MAKE) --no-print-directory all
	cd $(BUILD) && cpack -G DEB

format: ## rewrite all C files with clang-format
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

docs: ## write the generated pages again (docs/errors.md, docs/metrics.md)
	@tools/gen-docs

dev asan ubsan tsan coverage: %: build/%/build.ninja
	@cmake --build build/$@ -j $(J)

clean: ## remove build/
	rm -rf build

distclean: clean ## remove build/ and the toolchain cache
	rm -rf .cache
