// Users and groups inside the enclave: as natively for root. Who is not root skips them.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

class Users : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root becomes somebody else";
    }
};
ENCLAVISOR_ON_BOTH_PLATFORMS(Users);

TEST_P(Users, Tour) {
    expect_same(GetParam(), {{(programs_dir() / "users_tour").string()}, "", {}, {}});
}

TEST_P(Users, ProgramsThatGiveUpRoot) {
    expect_same(GetParam(), {{"/usr/bin/python3", "-c", R"script(
import os, subprocess
os.setgroups([5, 6]); os.setgid(100); os.setuid(65534)
print(os.getresuid(), os.getresgid(), os.getgroups())
try: os.setuid(0)
except PermissionError as error: print(error)
print(subprocess.check_output(["/usr/bin/id", "-u"], text=True), end="")
)script"},
                             "",
                             {},
                             {}});
    expect_same(GetParam(), {{"/usr/bin/perl", "-e", R"script(
        $) = "100 100 7"; $( = 100; $> = 1000; print "$< $> $( $)\n"; $< = 1000; print "$< $>\n"; $> = 0; print "$>\n";
    )script"},
                             "",
                             {},
                             {}});
    expect_same(GetParam(),
                {{"/usr/bin/setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "/usr/bin/id"},
                 "",
                 {},
                 {}});
}

}  // namespace
}  // namespace enclavisor::tests
