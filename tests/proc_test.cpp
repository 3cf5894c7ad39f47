// What /proc says of the program's own processes: as natively, and nothing of the host's.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;
using host::Platform;

class Proc : public testing::TestWithParam<Platform> {
protected:
    void expect_as_natively(std::string_view script) {
        expect_same(GetParam(),
                    {{"/usr/bin/python3", "script.py"},
                     "",
                     [&](const fs::path& directory) { std::ofstream{directory / "script.py"} << script; },
                     {}});
    }
};
ENCLAVISOR_ON_ALL_PLATFORMS(Proc);

// Of a process that sleeps, was stopped, ended, was waited for; of threads; of descriptors.
TEST_P(Proc, OfProcesses) {
    expect_as_natively(R"script(
import os, signal, stat, subprocess, threading, time

def text(pid, name):
    with open(f"/proc/{pid}/{name}") as file: return file.read()
def stats(pid):  # from the state on
    return text(pid, "stat").rsplit(") ", 1)[1].split()
def status(pid):
    return dict(line.split(":\t", 1) for line in text(pid, "status").splitlines() if ":\t" in line)
def wait_for(pid, state):
    for _ in range(2000):
        if stats(pid)[0] == state: break
        time.sleep(0.01)
    return stats(pid)[0], status(pid)["State"]

me = os.getpid()
print(os.readlink("/proc/self") == str(me), os.readlink("/proc/thread-self") == f"{me}/task/{me}")
print(stat.filemode(os.lstat("/proc/self").st_mode), stat.filemode(os.lstat("/proc/self/").st_mode))
child = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL, start_new_session=True, cwd="/usr",
                         env={"A": "1", "B": "two"})
pid = child.pid
print(wait_for(pid, "S"))
print(int(stats(pid)[1]) == me, [int(n) == pid for n in stats(pid)[2:4]], stats(pid)[4])
print(status(pid)["Name"], status(pid)["Threads"], int(status(pid)["PPid"]) == me, status(pid)["Uid"].split()[0] == str(os.getuid()))
print(repr(text(pid, "comm")), repr(text(pid, "cmdline")), repr(text(pid, "environ")))
print([os.readlink(f"/proc/{pid}/{name}") for name in ("exe", "cwd", "root", "fd/0")])
print(sorted(os.listdir(f"/proc/{pid}/fd")), os.listdir(f"/proc/{pid}/task") == [str(pid)])
print([line.split()[-1] for line in text(pid, "maps").splitlines() if line.endswith("]") and "stack" in line])
os.kill(pid, signal.SIGSTOP)
print(wait_for(pid, "T"))
os.kill(pid, signal.SIGCONT)
print(wait_for(pid, "S"))
os.kill(pid, signal.SIGKILL)
print(wait_for(pid, "Z"), text(pid, "comm"), repr(text(pid, "cmdline")), status(pid)["Name"])
try: os.readlink(f"/proc/{pid}/exe")
except OSError as error: print(error.strerror)
kept = open(f"/proc/{pid}/stat")
child.wait()
for name in ("", "/stat", "/fd", "/fd/0"):
    try: os.stat(f"/proc/{pid}{name}")
    except OSError as error: print(name, error.strerror)
try: kept.read()
except OSError as error: print(error.strerror)

release = threading.Event()
threads = [threading.Thread(target=release.wait) for _ in range(3)]
for thread in threads: thread.start()
ids = sorted(thread.native_id for thread in threads)
print(sorted(int(n) for n in os.listdir("/proc/self/task")) == sorted([me, *ids]), status("self")["Threads"])
print([int(status(f"self/task/{n}")["Pid"]) == n and int(status(f"self/task/{n}")["Tgid"]) == me for n in ids])
print(os.path.exists(f"/proc/{ids[0]}/status"), str(ids[0]) in os.listdir("/proc"), str(me) in os.listdir("/proc"))
release.set()
for thread in threads: thread.join()

with open("file", "w") as file:
    print(os.readlink(f"/proc/self/fd/{file.fileno()}") == os.path.realpath("file"))
reading, writing = os.pipe()
print(os.readlink(f"/proc/self/fd/{reading}").split(":")[0], os.stat(f"/dev/fd/{writing}").st_ino == os.fstat(writing).st_ino)
for name in ("self/fd/999", "self/nothing", "self/task/1234567", "4000000"):
    print(os.path.lexists("/proc/" + name))
try: os.open("/proc/self/stat", os.O_DIRECTORY)
except OSError as error: print(error.strerror)
with open("/proc/uptime") as file:
    first = float(file.read().split()[0])
    time.sleep(0.05)
    file.seek(0)
    print(float(file.read().split()[0]) > first)
print(len(text("sys/kernel/random", "uuid")), text("sys/kernel/random", "uuid") != text("sys/kernel/random", "uuid"))
print(text("self", "limits").splitlines()[0].split(), "Max open files" in text("self", "limits"))
)script");
}

// Whose memory or files they would tell of, others may not read.
TEST_P(Proc, OfOtherUsers) {
    if (getuid() != 0) GTEST_SKIP() << "changes users: only root can natively";
    expect_as_natively(R"script(
import os
parent = os.getpid()
child = os.fork()
if child == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    for name in ("environ", "maps", "stat", "cmdline", "comm"):
        try:
            with open(f"/proc/{parent}/{name}", "rb") as file: print(name, len(file.read()) > 0)
        except OSError as error: print(name, error.strerror)
    for name in ("exe", "cwd", "fd/0"):
        try: print(name, bool(os.readlink(f"/proc/{parent}/{name}")))
        except OSError as error: print(name, error.strerror)
    try: print(os.listdir(f"/proc/{parent}/fd") != [])
    except OSError as error: print("fd", error.strerror)
    os._exit(0)
print(os.waitpid(child, 0)[1])
)script");
}

TEST_P(Proc, Tools) {
    if (!fs::exists("/usr/bin/pgrep")) GTEST_SKIP() << "no procps";
    expect_as_natively(R"script(
import os, subprocess
me = str(os.getpid())
children = [subprocess.Popen(["sleep", length]) for length in ("1001", "1002")]
pids = [str(child.pid) for child in children]
def ask(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout
# A child of vfork's has a name of its own only when it has executed, which Popen waits for.
print(ask("ps", "-o", "pid=,ppid=,stat=,args=", "-p", ",".join(pids)).replace(me, "ME").replace(pids[0], "FIRST").replace(pids[1], "SECOND").split())
print(ask("pgrep", "-P", me, "sleep").split() == pids, ask("pgrep", "-P", me, "-f", "sleep 1002").split() == pids[1:])
print(ask("ps", "-o", "comm=,nlwp=,uid=", "-p", pids[0]).split())
print(ask("pkill", "-P", me, "-f", "sleep 1001") == "", children[0].wait())
print(ask("ps", "-o", "comm=", "-p", pids[0]) == "")
children[1].kill()
print(children[1].wait())
)script");
}

// The listing is that of the enclave: its first process, and what that started.
TEST_P(Proc, NothingOfTheHosts) {
    const RunResult result = run(
        in_enclave(GetParam(),
                   {"/bin/bash", "-c",
                    "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || echo $p; done; cat /proc/1/comm; true"}));
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("/proc/1/comm: No such file or directory"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace enclavisor::tests
