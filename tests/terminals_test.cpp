// Terminals and job control: as natively.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;
using host::Platform;

class Terminals : public testing::TestWithParam<Platform> {
protected:
    void expect_as_natively(std::vector<std::string> arguments,
                            std::function<void(const fs::path&)> prepare = {}) {
        expect_same(GetParam(), {std::move(arguments), "", std::move(prepare), {}});
    }
    void expect_python_as_natively(std::string_view script) {
        expect_as_natively({"/usr/bin/python3", "script.py"}, [&](const fs::path& directory) {
            std::ofstream{directory / "script.py"} << script;
        });
    }
};
ENCLAVISOR_ON_ALL_PLATFORMS(Terminals);

TEST_P(Terminals, Tour) {
    expect_as_natively({(programs_dir() / "terminals_tour").string()});
}

TEST_P(Terminals, Script) {
    expect_as_natively(
        {"/usr/bin/script", "-qec",
         "echo shown; tty | tr -d 0-9; stty -a; stty -echo; read line; echo \"<$line>\"; exit 7",
         "/dev/null"});
}

TEST_P(Terminals, Setsid) {
    expect_as_natively({"/bin/bash", "-c", R"script(
        setsid -w bash -c 'echo alone; (: < /dev/tty) 2> /dev/null || echo no terminal'
        setsid -w true; echo $?
        setsid -w bash -c 'exit 3'; echo $?
    )script"});
}

// A shell at a pseudo-terminal: jobs in the background, stopped, continued and interrupted.
TEST_P(Terminals, ShellWithJobControl) {
    expect_python_as_natively(R"script(
import os, pty, re, select, signal, sys
pid, fd = pty.fork()
if pid == 0:
    os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"],
              {"PS1": "> ", "PATH": "/usr/bin:/bin", "LC_ALL": "C"})
def read_to(what, then=b""):
    out = b""
    while what not in out or then not in out[out.index(what):]:
        if not select.select([fd], [], [], 60)[0]:
            print("nothing after", out)
            sys.exit(1)
        out += os.read(fd, 1000)
    return out
def expect(what):
    print(re.sub(rb"\] \d+", b"] N", read_to(what)).decode().replace("\r", "\\r"))
def do(keys, what):
    os.write(fd, keys)
    expect(what)
expect(b"> ")
do(b"sleep 100 &\n", b"\r\n> ")
do(b"jobs\n", b"\r\n> ")
do(b"cat\n", b"cat\r\n")
do(b"line\n", b"line\r\nline\r\n")
do(b"\x1a", b"> ")
do(b"jobs\n", b"\r\n> ")
do(b"fg %2\n", b"\r\ncat\r\n")
do(b"more\n", b"more\r\nmore\r\n")
do(b"\x04", b"> ")
do(b"cat | cat\n", b"cat\r\n")
do(b"piped\n", b"piped\r\npiped\r\n")
do(b"\x03", b"> ")
do(b"sh -c 'echo beg''un; exec sleep 100'\n", b"\r\nbegun\r\n")
do(b"\x1a", b"> ")
do(b"bg\n", b"&\r\n> ")
# How much of their end bash tells is a matter of time.
os.write(fd, b"kill %1 %2; wait; echo go''ne\n")
read_to(b"gone\r\n", b"> ")
do(b"tty > /dev/null && echo a terminal\n", b"\r\n> ")
do(b"(sleep 0.1; cat) & wait %%\n", b"\r\n> ")
do(b"fg\n", b"cat )\r\n")
do(b"\x04", b"> ")
os.write(fd, b"exit 4\n")
try:
    while os.read(fd, 1000): pass
except OSError as error:
    print(error)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
)script");
}

TEST_P(Terminals, PythonPty) {
    expect_python_as_natively(R"script(
import io, os, pty, signal, sys, termios, threading, tty
m, s = pty.openpty()
tty.setraw(s)
def copy():
    while data := os.read(s, 1000):
        os.write(s, data[::-1])
        if data.endswith(b"."): break
thread = threading.Thread(target=copy)
thread.start()
os.write(m, b"raw.")
print(os.read(m, 4))
thread.join()
def load():
    left = 100_000
    while left > 0: left -= os.write(s, b"z" * min(left, 1000))
thread = threading.Thread(target=load)
thread.start()
done = 0
while done < 100_000: done += len(os.read(m, 5000))
print(done)
thread.join()
termios.tcsetwinsize(m, (30, 90))
print(os.get_terminal_size(s))
os.close(s); os.close(m)
out = io.BytesIO()
def reader(fd):
    data = os.read(fd, 1000)
    out.write(data)
    return b""
print(os.waitstatus_to_exitcode(pty.spawn(["/bin/sh", "-c", "exit 5"], reader)))
)script");
}

}  // namespace
}  // namespace enclavisor::tests
