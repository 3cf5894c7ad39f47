// fork, execve, wait and what comes with them: as natively, with Debian's own programs too.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;
using host::Platform;

class Processes : public testing::TestWithParam<Platform> {
protected:
    void expect_as_natively(std::vector<std::string> arguments,
                            std::function<void(const fs::path&)> prepare = {}) {
        expect_same(GetParam(), {std::move(arguments), "", std::move(prepare), {}});
    }
};
ENCLAVISOR_ON_ALL_PLATFORMS(Processes);

void write_file(const fs::path& path, std::string_view text) {
    std::ofstream{path} << text;
}

TEST_P(Processes, Tour) {
    expect_as_natively({(programs_dir() / "processes_tour").string()});
}
TEST_P(Processes, Families) {
    expect_as_natively({(programs_dir() / "families_tour").string()});
}

TEST_P(Processes, SharedMemory) {
    expect_as_natively({(programs_dir() / "shared_tour").string()});
}

TEST_P(Processes, LocksOnFiles) {
    expect_as_natively({(programs_dir() / "locks_tour").string()});
}

TEST_P(Processes, ShellWithPipelinesAndSubshells) {
    expect_as_natively({"/bin/bash", "-c", R"script(
        set -o pipefail
        seq 1000 | grep 7 | sort -rn | head -3
        (exit 5); echo "subshell $?"
        false | true; echo "pipefail $?"
        for i in 1 2 3; do echo "line $i"; done | while read -r word rest; do echo "<$word|$rest>"; done
        echo "$(echo nested $(echo deeper))"
        diff <(seq 3) <(seq 2 4)
        { echo out; echo err >&2; } 2>&1 | sort
        sleep 0.05 & wait $!; echo "waited $?"
        trap 'echo caught' USR1; kill -USR1 $$; echo after
        (trap 'echo bye' EXIT; exit 3); echo "trapped $?"
        cat <<< "here string" | tr a-z A-Z
        exec 3> log; echo to three >&3; exec 3>&-; cat log
        mkdir -p a/b; (cd a/b && pwd | sed 's,.*/a,a,'); ls
        xargs -n 2 echo <<< "1 2 3 4 5"
        timeout 0.1 sleep 5; echo "timeout $?"
        { kill -9 $BASHPID & wait $!; echo "killed $?"; } 2> /dev/null
    )script"});
}

TEST_P(Processes, CompilerMakesAProgram) {
    expect_as_natively(
        {"/bin/sh", "-c", "gcc -O1 -o hello hello.c && ./hello && rm hello"}, [](const fs::path& directory) {
            write_file(directory / "hello.c",
                       "#include <stdio.h>\nint main(void) { return printf(\"%d\\n\", 42) != 3; }\n");
        });
}

TEST_P(Processes, Python) {
    expect_as_natively({"/usr/bin/python3", "script.py"}, [](const fs::path& directory) {
        write_file(directory / "script.py", R"script(
import multiprocessing, os, signal, subprocess, sys, threading
print(subprocess.run(["echo", "run"], capture_output=True, text=True).stdout, end="")
print(subprocess.check_output("echo a b c | wc -w", shell=True, text=True), end="")
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(p.communicate(b"through cat"))
p = subprocess.Popen(["sleep", "60"])
p.send_signal(signal.SIGTERM)
print(p.wait())
def square(x): return x * x
r, w = multiprocessing.Pipe()
child = multiprocessing.Process(target=lambda: w.send(square(7)))
child.start()
print(r.recv())
child.join()
print(child.exitcode)
pid = os.fork()
if pid == 0: os._exit(9)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
t = threading.Thread(target=lambda: print(subprocess.call(["true"])))
t.start(); t.join()
try: subprocess.run(["sleep", "60"], timeout=0.1)
except subprocess.TimeoutExpired: print("timeout")
)script");
    });
}

// A thread whose sleep was interrupted by a stop, and that never slept on, leaves nothing to the next.
TEST_P(Processes, SleepAfterOneThatWasKilled) {
    expect_as_natively({"/usr/bin/perl", "-e", R"script(
        use POSIX ":sys_wait_h";
        sub begin { my $pid = fork; exec "sleep", shift unless $pid; $pid }
        my @first = map { begin(1000) } 1..3;
        select undef, undef, undef, 0.2;
        for (@first) { kill "STOP", $_; waitpid $_, WUNTRACED; kill "KILL", $_; waitpid $_, 0 }
        for (map { begin(0.01) } 1..3) { waitpid $_, 0; print "$?\n" }
    )script"});
}

TEST_P(Processes, Scheduling) {
    expect_as_natively({(programs_dir() / "scheduling_tour").string()});
}

// Files of the host that are mapped to be written, alone and by several processes.
TEST_P(Processes, SharedFiles) {
    expect_as_natively({(programs_dir() / "shared_files_tour").string()});
}

TEST_P(Processes, SqliteWithWriteAheadLog) {
    expect_as_natively({"/usr/bin/python3", "-c", R"script(
import os, sqlite3
db = sqlite3.connect("wal.db")
print(db.execute("pragma journal_mode=wal").fetchone())
db.execute("create table t (n)")
db.commit()
for i in range(3):
    child = os.fork()
    if child == 0:
        own = sqlite3.connect("wal.db")
        for k in range(10):
            own.execute("insert into t values (?)", (10 * i + k,))
            own.commit()
        os._exit(0)
    print(os.waitpid(child, 0)[1], db.execute("select count(*), sum(n) from t").fetchone())
print(db.execute("pragma wal_checkpoint(truncate)").fetchone())
db.close()
print(sorted(os.listdir(".")))
os.remove("wal.db")
)script"});
}

TEST_P(Processes, Perl) {
    expect_as_natively({"/usr/bin/perl", "-e", R"script(
        $| = 1;
        print `echo backtick`;
        if (fork() == 0) { exit 3 } wait; print $? >> 8, "\n";
        open(P, "-|", "seq 3"); print <P>; close P; print "$?\n";
        open(P, "|-", "cat"); print P "into cat\n"; close P;
        $SIG{CHLD} = sub { print "child\n" }; if (!fork) { exit } sleep 1; print "end\n";
        exec "echo", "exec'd";
    )script"});
}

TEST_P(Processes, Git) {
    expect_as_natively({"/bin/sh", "-c", R"script(
        export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b HOME=$PWD
        git init -q -b main repository && cd repository && seq 100 > file && git add file && git commit -qm first
        seq 2 101 > file && git diff --stat | cat && git commit -qam second && git log --oneline | cat
        git checkout -q -b side HEAD~1 && echo side > other && git add . && git commit -qm side
        git checkout -q main && git merge -q side -m merged 2>&1 && git log --graph --oneline | cat
        git gc -q && git fsck && git clone -q . ../clone && cd ../clone && git log --oneline | wc -l
        cd .. && rm -rf repository clone .git*
    )script"});
}

}  // namespace
}  // namespace enclavisor::tests
