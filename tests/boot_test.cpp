// A machine that the kernel must not run on: it says so in one line, and the
// launcher passes the line on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "abi/platform/sim_request.hpp"
#include "host/lib/shared_word.hpp"
#include "kernel/boot/pages.hpp"
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
ENCLAVISOR_ON_ALL_PLATFORMS(Boot);

TEST_P(Boot, AHealthyMachineRuns) {
    EXPECT_EQ(refusal("max,-la57"), "it runs");
}

TEST_P(Boot, ProcessorsThatLackAProtectionAreRefused) {
    expect_contains(refusal("max,-la57,-nx"), "no-execute");
    expect_contains(refusal("max,-la57,-pdpe1gb"), "1 GiB pages");
    // There the CPUID page says what the processor has (sim/tcg_cpuid.cpp), whatever QEMU's has.
    if (GetParam() == host::Platform::kSimulatedSnp) return;
    expect_contains(refusal("max,-la57,-smep"), "SMEP");
    expect_contains(refusal("max,-la57,-smap"), "SMAP");
    expect_contains(refusal("max,-la57,-fsgsbase"), "FSGSBASE");
    expect_contains(refusal("max,-la57,-xsave"), "XSAVE");
}

TEST_P(Boot, NoRandomnessNoBoot) {
    if (GetParam() == host::Platform::kSimulatedSnp) GTEST_SKIP() << "its CPUID page has RDRAND";
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

TEST_P(Boot, TheSecretsPageIsWiped) {
    if (GetParam() != host::Platform::kSimulatedSnp) GTEST_SKIP() << "has none";
    host::MachineOptions options = machine_options(GetParam());
    options.expose_memory = true;
    const auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    const auto page = machine->private_memory().subspan(SEV_SECRETS_PAGE, abi::kPageSize);
    EXPECT_TRUE(std::all_of(page.begin(), page.end(), [](std::byte b) { return b == std::byte{}; }));
}

// Guest instructions from reset until the kernel is ready, without those of a simulation's handler.
std::uint64_t boot_instructions(host::Platform platform, std::uint64_t memory_mib) {
    host::MachineOptions options = machine_options(platform);
    options.memory_mib = memory_mib;
    options.icount = true;
    options.expose_memory = true;
    const auto machine = launch(options);
    if (machine == nullptr) return 0;
    abi::SimRequest request{};
    if (host::has_simulated_exits(platform))
        std::memcpy(&request, machine->shared_memory().data() + abi::kSimRequestPhys, sizeof(request));
    return host::load(machine->link().header().boot_tsc) - request.handler_ticks;
}

// Memory is accepted when it is first used, and nothing is done for the rest of it.
TEST_P(Boot, DoesNotCostMoreWithMoreMemory) {
    const std::uint64_t small = boot_instructions(GetParam(), 256);
    const std::uint64_t large = boot_instructions(GetParam(), 16 << 10);
    ASSERT_GT(small, 10'000u);
    EXPECT_LE(large, small + small / 10);
    RecordProperty("instructions_256_MiB", std::to_string(small));
    RecordProperty("instructions_16_GiB", std::to_string(large));
    fmt::print("[ {} ] kernel ready after {} guest instructions with 256 MiB, {} with 16 GiB\n",
               host::platform_name(GetParam()), small, large);
}

}  // namespace
}  // namespace enclavisor::tests
