// Several vCPUs: all run enclaves, and none keeps a translation that another has
// taken away.
#include <fcntl.h>
#include <gtest/gtest.h>

#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/lib/fd.hpp"
#include "tests/support/crowd.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/subprocess.hpp"
#include "tests/support/temp_dir.hpp"

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
ENCLAVISOR_ON_ALL_PLATFORMS(Smp);

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

// Eight threads touch the same pages of a file for the first time.
TEST_P(Smp, MappedFilesAreReadOnce) {
    const TempDir directory;
    const std::string program = (programs_dir() / "mappings_tour").string();
    RunOptions options;
    options.directory = directory.path();
    const RunResult native = run({program}, options);
    ASSERT_EQ(native.status, 0) << native.err;
    const auto machine = machine_with(4);
    ASSERT_NE(machine, nullptr);
    auto described = host::describe_program(program, 64ull << 20);
    ASSERT_TRUE(described.ok()) << described.error().text();
    for (int round = 0; round < 2; round++) {
        auto built = host::Enclave::build(*machine, described.value().image);
        ASSERT_TRUE(built.ok()) << built.error().text();
        auto enclave = built.take();
        const auto output = directory / "output";
        const host::Fd out{::open(output.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
        host::ProxyOptions proxy;
        proxy.directory = directory.path().string();
        proxy.standard_output = out.get();
        ASSERT_TRUE(enclave.attach_proxy(proxy).ok());
        host::StartParameters start;
        start.arguments = {program};
        start.directory = proxy.directory;
        ASSERT_TRUE(enclave.hand_over(start).ok());
        ASSERT_TRUE(enclave.start().ok());
        const auto status = enclave.wait(std::chrono::minutes{5});
        ASSERT_TRUE(status.ok()) << status.error().text();
        EXPECT_EQ(read_file(output), native.out);
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
