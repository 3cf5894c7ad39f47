// Timers that send signals: as natively, with Debian's own programs too.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

using host::Platform;

class Timers : public testing::TestWithParam<Platform> {
protected:
    void expect_as_natively(std::vector<std::string> arguments,
                            std::function<void(const std::filesystem::path&)> prepare = {}) {
        expect_same(GetParam(), {std::move(arguments), "", std::move(prepare), {}});
    }
};
ENCLAVISOR_ON_ALL_PLATFORMS(Timers);

TEST_P(Timers, Tour) {
    expect_as_natively({(programs_dir() / "timers_tour").string()});
}

TEST_P(Timers, ShellWithTimeouts) {
    expect_as_natively({"/bin/bash", "-c", R"script(
        timeout 0.2 sleep 100; echo $?
        timeout 0.2 sh -c 'while :; do :; done'; echo $?
        timeout -s INT 0.2 cat /dev/zero > /dev/null; echo $?
        { timeout -k 0.2 3 sh -c 'trap "" TERM; while :; do :; done'; echo $?; } 2> /dev/null
        timeout 100 true; echo $?
        read -t 0.1 line < <(sleep 1); test $? -gt 128 && echo "read gave up"
    )script"});
}

TEST_P(Timers, Perl) {
    expect_as_natively({"/usr/bin/perl", "-MTime::HiRes=setitimer,ITIMER_REAL,ualarm", "-e", R"script(
        $| = 1;
        eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; 1 while 1; };
        print "caught: $@";
        eval { local $SIG{ALRM} = sub { die "in read\n" }; alarm 1; pipe(R, W); <R>; };
        print "caught: $@";
        my $n = 0;
        $SIG{ALRM} = sub { $n++ };
        setitimer(ITIMER_REAL, 0.01, 0.01);
        select(undef, undef, undef, 5) while $n < 5;
        setitimer(ITIMER_REAL, 0);
        print "five\n";
        if (fork() == 0) { $SIG{ALRM} = "DEFAULT"; alarm 1; sleep 60 } wait; print "$?\n";
    )script"});
}

TEST_P(Timers, Python) {
    expect_as_natively({"/usr/bin/python3", "script.py"}, [](const std::filesystem::path& directory) {
        std::ofstream{directory / "script.py"} << R"script(
import signal, threading, time
count = 0
def handler(number, frame):
    global count
    count += 1
signal.signal(signal.SIGALRM, handler)
print(signal.alarm(30), signal.alarm(0) in (29, 30))
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.01)
while count < 5: signal.pause()
print(signal.setitimer(signal.ITIMER_REAL, 0)[1])
signal.signal(signal.SIGPROF, handler)
signal.setitimer(signal.ITIMER_PROF, 0.01)
before = count
while count == before: pass
class Late(Exception): pass
def late(number, frame): raise Late
signal.signal(signal.SIGALRM, late)
threads = [threading.Thread(target=time.sleep, args=(0.3,)) for _ in range(3)]
for t in threads: t.start()
signal.setitimer(signal.ITIMER_REAL, 0.05)
try: threading.Event().wait(60)
except Late: print("late")
for t in threads: t.join()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
signal.setitimer(signal.ITIMER_REAL, 0.01)
print(signal.sigwait([signal.SIGALRM]) == signal.SIGALRM)
)script";
    });
}

// It counts until an alarm comes, and prints a line of what it counted.
TEST_P(Timers, OpensslSpeedEnds) {
    RunOptions options;
    options.timeout = std::chrono::seconds{120};
    const auto result = run(
        in_enclave(GetParam(), {"/usr/bin/openssl", "speed", "-seconds", "1", "-bytes", "1024", "sha256"}),
        options);
    EXPECT_FALSE(result.timed_out);
    EXPECT_EQ(result.status, 0) << result.err;
    const std::size_t line = result.out.find("sha256 ");
    ASSERT_NE(line, std::string::npos) << result.out << result.err;
    EXPECT_GT(std::stod(result.out.substr(line + 7)), 0) << result.out;
}

}  // namespace
}  // namespace enclavisor::tests
