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
ENCLAVISOR_ON_ALL_PLATFORMS(Users);

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

TEST_P(Users, LimitsAreKeptAndInherited) {
    expect_same(GetParam(), {{"/usr/bin/python3", "-c", R"script(
import os, resource as r, subprocess, sys
r.setrlimit(r.RLIMIT_FSIZE, (10 << 20, 20 << 20)); r.setrlimit(r.RLIMIT_NOFILE, (100, 200))
r.setrlimit(r.RLIMIT_CPU, (1000, 2000)); r.setrlimit(r.RLIMIT_CORE, (0, 0))
def show(): print([r.getrlimit(k) for k in (r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CPU, r.RLIMIT_CORE)], flush=True)
show()
subprocess.run(["/bin/bash", "-c", "ulimit -f; ulimit -Hf; ulimit -n; ulimit -Hn; ulimit -t; ulimit -c"])
child = subprocess.Popen(["sleep", "60"])
print(r.prlimit(child.pid, r.RLIMIT_CPU, (7, 8)), r.prlimit(child.pid, r.RLIMIT_CPU), r.getrlimit(r.RLIMIT_CPU))
child.kill(); child.wait()
os.setuid(1000)
for limit in ((1000, 4000), (5000, 4000)):
    try: r.setrlimit(r.RLIMIT_CPU, limit)
    except ValueError as error: print(error)
r.setrlimit(r.RLIMIT_CPU, (10, 2000))
show()
try: os.open("/dev/null", 0); [os.open("/dev/null", 0) for _ in range(200)]
except OSError as error: print(error.errno)
print(r.getrusage(r.RUSAGE_SELF).ru_maxrss > 0, r.getrusage(r.RUSAGE_CHILDREN).ru_utime >= 0)
)script"},
                             "",
                             {},
                             {}});
}

}  // namespace
}  // namespace enclavisor::tests
