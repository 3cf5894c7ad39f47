# A thin front. The build itself is CMake with Ninja (CMakePresets.json).
BUILD ?= build
JOBS ?= $(shell nproc)
SOAK_SECONDS ?= 600
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help setup build run sanitized test test-all check bench bench-record docs soak fuzz clean

help:
	@echo 'make run     build, then run a real program in an enclave and compare with the host'
	@echo 'make test     build, then run the tests'
	@echo 'make test-all the same with every VM test on every platform'
	@echo 'make check   format, lint, include-direction and image checks'
	@echo 'make bench   measure: guest instructions, in enclaves and in a Linux guest (make bench-record: keep them)'
	@echo 'make docs    write the pages of docs/ that are made from the code and from figures'
	@echo 'make soak    the long forms of the tests of hostility and endurance'
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

# Only what the demonstration needs, not the tests.
run: setup $(BUILD)/build.ninja
	cmake --build $(BUILD) --parallel $(JOBS) --target enclavisor-parts
	@tools/run-demo.sh $(BUILD)

# The unit tests of host code and runtime, under ASan and UBSan.
sanitized: setup
	cmake --preset asan >/dev/null
	cmake --build build-asan --parallel $(JOBS) --target host_lib_test host_proxy_test host_daemon_test host_tools_test sim_test runtime_test sdk_test
	for test in host_lib_test host_proxy_test host_daemon_test host_tools_test sim_test runtime_test sdk_test; do build-asan/bin/$$test --gtest_brief=1 || exit 1; done

test: build sanitized
	ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS) -LE twin

# All VM tests on all platforms.
test-all: build sanitized
	ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS)

check: build
	@tools/check.sh $(BUILD)

bench: setup $(BUILD)/build.ninja
	cmake --build $(BUILD) --parallel $(JOBS) --target bench

# The figures of the last `make bench` become those of the documentation.
bench-record: $(BUILD)/build.ninja
	cmake --build $(BUILD) --target bench-record

docs: build
	@tools/docs.sh $(BUILD)

# Many enclaves in one VM take their time: half an hour by default.
soak: build
	ENCLAVISOR_SOAK_SECONDS=$(SOAK_SECONDS) ctest --test-dir $(BUILD) --output-on-failure -L soak -E '^soak_test'
	ENCLAVISOR_SOAK_SECONDS=$$((3 * $(SOAK_SECONDS))) ctest --test-dir $(BUILD) --output-on-failure -R '^soak_test'

fuzz: setup
	@tools/fuzz.sh $(FUZZ_SECONDS)

clean:
	rm -rf build build-asan build-fuzz
