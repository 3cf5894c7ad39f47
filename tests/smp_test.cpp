// Several vCPUs: all run enclaves, and none keeps a translation that another has
// taken away.
#include <gtest/gtest.h>

#include "tests/support/crowd.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

class Smp : public testing::TestWithParam<host::Platform> {
protected:
    std::unique_ptr<host::Machine> machine_with(unsigned cpus) {
        host::MachineOptions options = machine_options(GetParam());
        options.cpus = cpus;
        return launch(options);
    }
};
ENCLAVISOR_ON_BOTH_PLATFORMS(Smp);

TEST_P(Smp, AllVcpusComeUp) {
    for (const unsigned cpus : {1u, 2u, 4u, 16u}) {
        const auto machine = machine_with(cpus);
        ASSERT_NE(machine, nullptr);
        const auto info = machine->hello();
        ASSERT_TRUE(info.ok());
        EXPECT_EQ(info.value().cpus, cpus);
        EXPECT_TRUE(healthy(*machine));
    }
}

TEST_P(Smp, NobodySeesAPageThatIsGone) {
    for (const unsigned cpus : {1u, 2u, 4u}) {
        SCOPED_TRACE(cpus);
        const auto machine = machine_with(cpus);
        ASSERT_NE(machine, nullptr);
        const auto before = machine->stats();
        const auto crowd = run_crowd(*machine, std::chrono::seconds{soak_seconds(3)});
        ASSERT_TRUE(crowd);
        EXPECT_EQ(crowd->stale, 0u) << "a page of round " << crowd->detail << " was read after it was gone";
        EXPECT_GT(crowd->rounds, 10u);
        EXPECT_GT(crowd->looks, 100u);
        ASSERT_TRUE(healthy(*machine));
        EXPECT_EQ(machine->stats().value().free_frames, before.value().free_frames);
    }
}

}  // namespace
}  // namespace enclavisor::tests
