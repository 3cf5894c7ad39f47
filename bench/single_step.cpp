#include "bench/single_step.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace enclavisor::bench {
namespace {

[[noreturn]] void run_traced(const std::function<void()>& body) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(errno);
    ::raise(SIGSTOP);
    body();
    ::_exit(0);
}

}  // namespace

host::Result<double> count_steps(const std::function<void()>& body) {
    const pid_t child = ::fork();
    if (child == 0) run_traced(body);
    constexpr std::uint64_t kNone = ~0ull;
    std::uint64_t steps = 0, least = kNone;
    bool marked = false;
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);
        siginfo_t info{};
        if (signal == SIGSTOP) signal = 0;
        if (signal == SIGTRAP && ::ptrace(PTRACE_GETSIGINFO, child, nullptr, &info) == 0) {
            signal = 0;
            if (info.si_code != SI_KERNEL) {  // one step
                steps++;
            } else {
                if (marked) least = std::min(least, steps);
                marked = true;
                steps = 0;
            }
        }
        if (::ptrace(PTRACE_SINGLESTEP, child, nullptr, static_cast<long>(signal)) != 0) break;
    }
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || least == kNone) {
        return host::fail("instructions of the host cannot be counted (ptrace)");
    }
    return static_cast<double>(least);
}

}  // namespace enclavisor::bench
