// Programs with threads: as natively, and with more throughput than one thread has.
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

using host::Platform;

std::string program(const char* name) {
    return (programs_dir() / name).string();
}

class Threads : public testing::TestWithParam<Platform> {};
ENCLAVISOR_ON_ALL_PLATFORMS(Threads);

TEST_P(Threads, GlibcTour) {
    expect_same(GetParam(), {{program("threads_tour")}, "", {}, {}});
}
TEST_P(Threads, MuslTour) {
    expect_same(GetParam(), {{program("threads_tour_musl")}, "", {}, {}});
}
TEST_P(Threads, GlibcSignalsAndEnds) {
    expect_same(GetParam(), {{program("thread_ends_tour")}, "", {}, {}});
}
TEST_P(Threads, MuslSignalsAndEnds) {
    expect_same(GetParam(), {{program("thread_ends_tour_musl")}, "", {}, {}});
}
TEST_P(Threads, CxxTourAndForwardedCallsOfManyThreads) {
    expect_same(GetParam(), {{program("threads_cxx_tour")}, "", {}, {}});
}

// The first thread leaves; another one calls exit, exit_group.
TEST_P(Threads, AnyThreadEndsTheProcess) {
    for (const char* name : {"thread_ends_tour", "thread_ends_tour_musl"}) {
        for (const char* how : {"0", "1", "2"}) expect_same(GetParam(), {{program(name), how}, "", {}, {}});
    }
}

TEST_P(Threads, ASignalThatNobodyCatchesEndsTheProcess) {
    const auto result = run(in_enclave(GetParam(), {program("thread_ends_tour"), "3"}), {});
    EXPECT_EQ(result.status, 128 + 15) << result.err;
    EXPECT_EQ(result.out, "the other thread ends it\n");
}

TEST_P(Threads, ABombEndsAtItsLimit) {
    const auto result = run(in_enclave(GetParam(), {program("thread_bomb_musl")}), {});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out,
              "refused with EAGAIN: 1\nrefused with EAGAIN: 1\nat least 100: 1, the same again: 1\n");
}

// On one vCPU: while threads wait for the host, others run.
TEST_P(Threads, SixtyFourBlockingReadersAreTenTimesAsFastAsOne) {
    const TempDir temp;
    std::filesystem::create_directory(temp / "fifos");
    std::filesystem::copy(program("blocking_reads"), temp / "blocking_reads");
    write_file(temp / "reads.toml", R"(
entrypoint = "blocking_reads"
argv = ["blocking_reads", "/fifos"]
enclave.threads = 64
[[fs.mounts]]
type = "insecure__passthrough"
path = "/fifos"
uri = "fifos"
)");
    RunOptions options;
    options.timeout = std::chrono::seconds{120};
    std::thread answering{[&] { run({program("blocking_reads"), "answer", temp / "fifos"}, options); }};
    const auto result = run(in_enclave(GetParam(), {temp / "reads.toml"}), options);
    answering.join();
    EXPECT_EQ(result.status, 0) << result.err;
    const std::size_t at = result.out.find("ratio ");
    ASSERT_NE(at, std::string::npos) << result.out << result.err;
    EXPECT_GE(std::stod(result.out.substr(at + 6)), 10) << result.out;
    std::fputs(result.out.c_str(), stderr);
}

}  // namespace
}  // namespace enclavisor::tests
