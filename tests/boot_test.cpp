// A machine that the kernel must not run on: it says so in one line, and the
// launcher passes the line on.
#include <gtest/gtest.h>

#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

void expect_contains(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

class Boot : public testing::TestWithParam<host::Platform> {
protected:
    // What the launcher says when the VM is started like this.
    std::string refusal(const std::string& cpu, std::uint64_t memory_mib = 256) {
        host::MachineOptions options = machine_options(GetParam());
        options.memory_mib = memory_mib;
        if (!cpu.empty()) options.cpu = cpu;
        const auto machine = host::Machine::launch(options);
        return machine.ok() ? "it runs" : machine.error().text();
    }
};
ENCLAVISOR_ON_BOTH_PLATFORMS(Boot);

TEST_P(Boot, AHealthyMachineRuns) {
    EXPECT_EQ(refusal("max,-la57"), "it runs");
}

TEST_P(Boot, ProcessorsThatLackAProtectionAreRefused) {
    expect_contains(refusal("max,-la57,-smep"), "SMEP");
    expect_contains(refusal("max,-la57,-smap"), "SMAP");
    expect_contains(refusal("max,-la57,-fsgsbase"), "FSGSBASE");
    expect_contains(refusal("max,-la57,-xsave"), "XSAVE");
    expect_contains(refusal("max,-la57,-nx"), "no-execute");
    expect_contains(refusal("max,-la57,-pdpe1gb"), "1 GiB pages");
}

TEST_P(Boot, NoRandomnessNoBoot) {
    expect_contains(refusal("max,-la57,-rdrand"), "RDRAND");
}

TEST_P(Boot, TooLittleMemoryIsSaid) {
    expect_contains(refusal("", 16), "too little memory");
}

TEST_P(Boot, MoreThanFourGigabytesAreUsed) {
    host::MachineOptions options = machine_options(GetParam());
    options.memory_mib = 5 << 10;
    auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    const auto info = machine->hello();
    ASSERT_TRUE(info.ok());
    EXPECT_GT(info.value().total_frames, (4900ull << 20) / 4096);
    EXPECT_TRUE(healthy(*machine));
}

}  // namespace
}  // namespace enclavisor::tests
