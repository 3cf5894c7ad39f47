// Pipes, sockets, counters, timers and signals as open files, and waiting for them and
// for the host's files at once: as natively.
#include <gtest/gtest.h>

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
ENCLAVISOR_ON_BOTH_PLATFORMS(Waiting);

TEST_P(Waiting, Pipes) {
    expect_as_natively("pipes_tour");
}
TEST_P(Waiting, SocketPairs) {
    expect_as_natively("socketpairs_tour");
}
TEST_P(Waiting, CountersTimersAndSignals) {
    expect_as_natively("events_tour");
}
TEST_P(Waiting, EpollWithTheNetwork) {
    expect_as_natively("epoll_tour");
}

}  // namespace
}  // namespace enclavisor::tests
