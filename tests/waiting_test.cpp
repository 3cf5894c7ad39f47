// Pipes, sockets, counters, timers and signals as open files, and waiting for them and
// for the host's files at once: as natively.
// First: GCC 12 thinks that its enumerators shadow those of abi/host/control.hpp.
#include "abi/host/forwarded_calls.hpp"
//
#include <gtest/gtest.h>

#include <mutex>

#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/proxy/executor.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

using host::Platform;

class Waiting : public testing::TestWithParam<Platform> {
protected:
    void expect_as_natively(const char* name) {
        expect_same(GetParam(), {{(programs_dir() / name).string()}, "", {}, {}});
    }
};
ENCLAVISOR_ON_ALL_PLATFORMS(Waiting);

TEST_P(Waiting, Pipes) {
    expect_as_natively("pipes_tour");
}
TEST_P(Waiting, SocketPairs) {
    expect_as_natively("socketpairs_tour");
}
TEST_P(Waiting, SocketsOfTheHost) {
    expect_as_natively("host_sockets_tour");
}
TEST_P(Waiting, CountersTimersAndSignals) {
    expect_as_natively("events_tour");
}
TEST_P(Waiting, EpollWithTheNetwork) {
    expect_as_natively("epoll_tour");
}

TEST_P(Waiting, Inotify) {
    expect_as_natively("inotify_tour");
}
TEST_P(Waiting, ThreadsAndServersWithEpoll) {
    expect_as_natively("epoll_threads_tour");
}

TEST_P(Waiting, RandomOperationsOnObjects) {
    const int seeds = soak_seconds(0) > 0 ? 500 : 12;
    for (int seed = 1; seed <= seeds; seed++) {
        SCOPED_TRACE(seed);
        expect_same(
            GetParam(),
            {{(programs_dir() / "random_objects").string(), std::to_string(seed), "3000"}, "", {}, {}});
        if (HasFailure()) break;
    }
}

// Threads that run at the same time, on several vCPUs.
TEST_P(Waiting, OnSeveralVcpus) {
    host::MachineOptions options = machine_options(GetParam());
    options.cpus = 4;
    const auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    for (const char* name : {"pipes_tour", "socketpairs_tour", "epoll_threads_tour"}) {
        SCOPED_TRACE(name);
        const auto natively = run({(programs_dir() / name).string()}, {});
        const auto described = host::describe_program(programs_dir() / name, 64ull << 20);
        ASSERT_TRUE(described.ok()) << described.error().text();
        auto built = host::Enclave::build(*machine, described.value().image);
        ASSERT_TRUE(built.ok()) << built.error().text();
        auto enclave = built.take();
        std::string output;
        std::mutex mutex;
        enclave.attach_handler(
            [&](const abi::SubmissionEntry& entry, std::span<std::byte> data) -> std::int64_t {
                const auto call = static_cast<abi::ForwardedCall>(entry.call);
                if (call != abi::ForwardedCall::kWrite || entry.arguments[0] != 1)
                    return host::Executor{{}}.execute(entry, data);
                const std::lock_guard lock{mutex};
                output.append(reinterpret_cast<const char*>(data.data()) + entry.arguments[1],
                              entry.arguments[2]);
                return static_cast<std::int64_t>(entry.arguments[2]);
            });
        host::StartParameters start;
        start.arguments = {name};
        ASSERT_TRUE(enclave.hand_over(start).ok());
        ASSERT_TRUE(enclave.start().ok());
        const auto status = enclave.wait(std::chrono::seconds{120});
        ASSERT_TRUE(status.ok()) << status.error().text() << "\n" << output;
        EXPECT_EQ(status.value().code, 0u);
        EXPECT_EQ(output, natively.out);
    }
}

}  // namespace
}  // namespace enclavisor::tests
