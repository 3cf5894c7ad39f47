#include "host/lib/process.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

namespace enclavisor::host {
namespace {

TEST(Process, StatusAndEnd) {
    auto process = Process::spawn({"/bin/sh", "-c", "exit 3"}, {});
    ASSERT_TRUE(process) << process.error().text();
    pollfd watched{process.value().pidfd(), POLLIN, 0};
    ASSERT_EQ(::poll(&watched, 1, 5000), 1);
    const auto status = process.value().ended();
    ASSERT_TRUE(status);
    EXPECT_EQ(describe_wait_status(*status), "exited with status 3");
}

TEST(Process, KilledWithItsOwner) {
    pid_t pid;
    {
        auto process = Process::spawn({"/bin/sleep", "1000"}, {.own_group = true});
        ASSERT_TRUE(process);
        pid = process.value().pid();
        EXPECT_EQ(::getpgid(pid), pid);
        EXPECT_FALSE(process.value().ended());
    }
    EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(Process, MissingProgram) {
    const auto process = Process::spawn({"/nonexistent/program"}, {});
    ASSERT_FALSE(process);
    EXPECT_EQ(process.error().cause, "cannot run /nonexistent/program: No such file or directory");
}

}  // namespace
}  // namespace enclavisor::host
