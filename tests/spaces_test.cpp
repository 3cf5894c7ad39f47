// Address spaces of one enclave, on one vCPU and on several: what one writes another
// does not read, but in what is common, and all memory comes back.
#include <gtest/gtest.h>

#include "tests/support/crowd.hpp"

namespace enclavisor::tests {
namespace {

class Spaces : public testing::TestWithParam<host::Platform> {};
ENCLAVISOR_ON_ALL_PLATFORMS(Spaces);

TEST_P(Spaces, NobodyReadsAnothersValue) {
    for (const unsigned cpus : {1u, 2u, 4u}) {
        SCOPED_TRACE(cpus);
        host::MachineOptions options = machine_options(GetParam());
        options.cpus = cpus;
        const auto machine = launch(options);
        ASSERT_NE(machine, nullptr);
        const auto before = machine->stats();
        const auto seen = run_crowd(*machine, std::chrono::seconds{soak_seconds(3)}, "spaces", 1);
        ASSERT_TRUE(seen);
        EXPECT_EQ(seen->stale, 0u) << "the expectation with number " << seen->detail
                                   << " of probe/spaces.cpp was the last to fail";
        EXPECT_GT(seen->rounds, 10u);
        EXPECT_GT(seen->looks, 100u);
        ASSERT_TRUE(healthy(*machine));
        EXPECT_EQ(machine->stats().value().free_frames, before.value().free_frames);
    }
}

// Counted, not timed: under -icount a tick is an instruction.
TEST_P(Spaces, ACopiedPageCostsAFewInstructions) {
    host::MachineOptions options = machine_options(GetParam());
    options.icount = true;
    const auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    const auto seen = run_crowd(*machine, std::chrono::seconds{0}, "spaces", 1);
    ASSERT_TRUE(seen);
    EXPECT_GT(seen->copy_ticks, kSpacesPages);
    EXPECT_LT(seen->copy_ticks, 80 * kSpacesPages) << "tables included";
    RecordProperty("instructions", std::to_string(seen->copy_ticks));
}

}  // namespace
}  // namespace enclavisor::tests
