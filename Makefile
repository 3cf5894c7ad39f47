# A thin front. The build itself is CMake with Ninja (CMakePresets.json).
BUILD ?= build
JOBS ?= $(shell nproc)
SOAK_SECONDS ?= 60
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help setup build run test check bench docs soak fuzz clean

help:
	@echo 'make run     build, then run a real program in an enclave and compare with the host'
	@echo 'make test    build, then run all tests'
	@echo 'make check   format, lint, include-direction and image checks'
	@echo 'make bench   measure (guest instructions per operation)'
	@echo 'make docs    write the pages of docs/ that are made from the code and from figures'
	@echo 'make soak    the long forms of the hostile-host tests'
	@echo 'make fuzz    libFuzzer on every parser of host input, FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make clean   remove the build directories'
	@echo
	@echo 'Each installs missing Debian packages first (tools/setup.sh).'

setup:
	@tools/setup.sh

$(BUILD)/build.ninja: | setup
	cmake --preset default -B $(BUILD)

build: setup $(BUILD)/build.ninja
	cmake --build $(BUILD) --parallel $(JOBS)

run: build
	@tools/run-demo.sh $(BUILD)

test: build
	ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS)

check: build
	@tools/check.sh $(BUILD)

bench: build
	cmake --build $(BUILD) --target bench

docs: build
	@tools/docs.sh $(BUILD)

soak: build
	ENCLAVISOR_SOAK_SECONDS=$(SOAK_SECONDS) ctest --test-dir $(BUILD) --output-on-failure -L soak

fuzz: setup
	@tools/fuzz.sh $(FUZZ_SECONDS)

clean:
	rm -rf build build-asan build-fuzz
