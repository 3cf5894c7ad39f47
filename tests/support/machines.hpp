// What the VM tests share: the platforms they run on, and starting a VM.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "host/lib/machine.hpp"

namespace enclavisor::tests {

inline std::filesystem::path build_dir() {
    return ENCLAVISOR_BUILD_DIR;
}
inline std::filesystem::path source_dir() {
    return ENCLAVISOR_SOURCE_DIR;
}
inline std::filesystem::path programs_dir() {
    return build_dir() / "tests" / "programs";
}
inline std::string enclavisor_command() {
    return (build_dir() / "bin" / "enclavisor").string();
}

inline std::string platform_test_name(host::Platform platform) {
    std::string name = host::platform_name(platform);
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}
struct PlatformName {
    std::string operator()(const testing::TestParamInfo<host::Platform>& info) const {
        return platform_test_name(info.param);
    }
};
// One instance of a suite for each platform that needs no hardware, `plain` to `sim_snp`;
// tests/CMakeLists.txt registers each as a CTest test of its own.
inline const auto kTestPlatforms =
    testing::Values(host::Platform::kPlain, host::Platform::kSimulatedSev, host::Platform::kSimulatedSevEs,
                    host::Platform::kSimulatedSnp);
#define ENCLAVISOR_ON_ALL_PLATFORMS(suite)                                   \
    INSTANTIATE_TEST_SUITE_P(On, suite, ::enclavisor::tests::kTestPlatforms, \
                             ::enclavisor::tests::PlatformName{})

inline host::MachineOptions machine_options(host::Platform platform) {
    host::MachineOptions options;
    options.platform = platform;
    options.memory_mib = 256;
    options.boot_timeout = std::chrono::seconds{60};
    return options;
}

// Null, with a test failure, if the VM does not start.
inline std::unique_ptr<host::Machine> launch(const host::MachineOptions& options) {
    auto machine = host::Machine::launch(options);
    if (!machine.ok()) {
        ADD_FAILURE() << machine.error().text();
        return nullptr;
    }
    return machine.take();
}

// Seconds for the tests that attack for a while; `make soak` asks for more.
inline int soak_seconds(int otherwise) {
    const char* wish = std::getenv("ENCLAVISOR_SOAK_SECONDS");
    return wish != nullptr ? std::atoi(wish) : otherwise;
}

// A VM is healthy if it answers and did not panic.
inline testing::AssertionResult healthy(host::Machine& machine) {
    if (!machine.running()) return testing::AssertionFailure() << "the VM ended; log:\n" << machine.log();
    if (machine.guest_state() != abi::GuestState::kReady) {
        return testing::AssertionFailure() << "the kernel is not ready; log:\n" << machine.log();
    }
    const auto stats = machine.stats();
    if (!stats.ok()) return testing::AssertionFailure() << stats.error().text() << "\n" << machine.log();
    return testing::AssertionSuccess();
}

// A VM of each test's own, which is sound afterwards.
class OwnMachine : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        machine_ = launch(machine_options(GetParam()));
        ASSERT_NE(machine_, nullptr);
    }
    void TearDown() override {
        if (machine_) {
            EXPECT_TRUE(healthy(*machine_));
        }
    }

    std::unique_ptr<host::Machine> machine_;
};

}  // namespace enclavisor::tests
