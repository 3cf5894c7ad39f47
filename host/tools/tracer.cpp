#include "host/tools/tracer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>

#include "host/lib/fd.hpp"

namespace enclavisor::host {
namespace {

constexpr std::size_t kLongestText = 4095;
constexpr int kSyscallStop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD

std::atomic<pid_t> traced{0};
std::atomic<bool> enough{false};

void hand_on(int signal) {
    const pid_t program = traced.load();
    const int handed = signal == SIGINT ? 0 : signal;  // 0: only asks whether it is there
    if (program == 0 || ::kill(program, handed) != 0) enough = true;
}

// The caller's dispositions come back at the end.
class SignalsHandedOn {
public:
    SignalsHandedOn() {
        struct sigaction action {};
        action.sa_handler = hand_on;
        for (std::size_t i = 0; i < kSignals.size(); i++) ::sigaction(kSignals[i], &action, &before_[i]);
    }
    ~SignalsHandedOn() {
        for (std::size_t i = 0; i < kSignals.size(); i++) ::sigaction(kSignals[i], &before_[i], nullptr);
    }
    SignalsHandedOn(const SignalsHandedOn&) = delete;

private:
    static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
    std::array<struct sigaction, kSignals.size()> before_{};
};

bool stops(int signal) {
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

class Tracer {
public:
    explicit Tracer(TraceListener& listener) : listener_{listener} {}
    Result<TraceEnd> run(const std::string& path, const std::vector<std::string>& arguments);

private:
    Result<void> start(const std::string& path, const std::vector<std::string>& arguments);
    Result<void> handle(pid_t thread, int status);
    Result<void> handle_call(pid_t thread);

    TraceListener& listener_;
    pid_t program_ = 0;
    std::set<pid_t> threads_, inside_;  // all; in a call
    int status_ = 0;
};

Result<void> Tracer::start(const std::string& path, const std::vector<std::string>& arguments) {
    std::vector<char*> words;
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    int gate[2];
    if (::pipe2(gate, O_CLOEXEC) != 0)
        return fail(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    Fd wait{gate[0]}, go{gate[1]};
    program_ = ::fork();
    if (program_ < 0) return fail(fmt::format("cannot start a process: {}", std::strerror(errno)));
    if (program_ == 0) {
        char ready;
        if (::read(wait.get(), &ready, 1) == 1) ::execv(path.c_str(), words.data());
        ::_exit(errno == ENOENT ? kExitNotFound : kExitNotExecutable);
    }
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (::ptrace(PTRACE_SEIZE, program_, nullptr, kOptions) != 0) {
        const int error = errno;
        go.reset();
        ::waitpid(program_, nullptr, 0);
        return fail(fmt::format("cannot trace a process: {}", std::strerror(error)),
                    "allow ptrace: see /proc/sys/kernel/yama/ptrace_scope, or run as root");
    }
    traced = program_;
    threads_.insert(program_);
    // Calls are told of from its first stop on, which is that after exec.
    if (::write(go.get(), "", 1) != 1) return fail("cannot start the traced process");
    return {};
}

Result<void> Tracer::handle_call(pid_t thread) {
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) <= 0) {
        if (errno == ESRCH) return {};  // it was killed meanwhile
        return fail("this kernel does not tell tracers of system calls", "use Linux 5.3 or later");
    }
    if (info.arch != AUDIT_ARCH_X86_64) return {};
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        TracedCall call{info.entry.nr, {}};
        std::copy(std::begin(info.entry.args), std::end(info.entry.args), call.arguments.begin());
        inside_.insert(thread);
        listener_.entered(thread, call);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && inside_.erase(thread) != 0) {
        listener_.left(thread, info.exit.rval);
    }
    return {};
}

Result<void> Tracer::handle(pid_t thread, int status) {
    const int signal = WSTOPSIG(status), event = status >> 16;
    int deliver = 0;
    threads_.insert(thread);
    if (signal == kSyscallStop) {
        TRY(handle_call(thread));
    } else if (event == PTRACE_EVENT_STOP && stops(signal)) {
        ::ptrace(PTRACE_LISTEN, thread, nullptr, 0L);
        return {};
    } else if (event == PTRACE_EVENT_EXEC) {
        listener_.executed(thread);
    } else if (event == 0) {
        deliver = signal;
    }
    ::ptrace(PTRACE_SYSCALL, thread, nullptr, static_cast<long>(deliver));
    return {};
}

Result<TraceEnd> Tracer::run(const std::string& path, const std::vector<std::string>& arguments) {
    const SignalsHandedOn signals;
    enough = false;
    TRY(start(path, arguments));
    while (!threads_.empty() && !enough) {
        int status = 0;
        const pid_t thread = ::waitpid(-1, &status, __WALL);
        if (thread < 0 && errno == EINTR) continue;
        if (thread < 0) break;
        if (WIFSTOPPED(status)) {
            TRY(handle(thread, status));
            continue;
        }
        threads_.erase(thread);
        inside_.erase(thread);
        if (thread != program_) continue;
        status_ = status;
        traced = 0;
    }
    traced = 0;
    rusage usage{};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    return TraceEnd{status_, static_cast<std::uint64_t>(usage.ru_maxrss)};
}

}  // namespace

Result<TraceEnd> trace_program(const std::string& path, const std::vector<std::string>& arguments,
                               TraceListener& listener) {
    return Tracer{listener}.run(path, arguments);
}

bool read_memory(pid_t thread, std::uint64_t address, void* to, std::size_t size) {
    const iovec here{to, size}, there{reinterpret_cast<void*>(address), size};
    return ::process_vm_readv(thread, &here, 1, &there, 1, 0) == static_cast<ssize_t>(size);
}

std::string read_text(pid_t thread, std::uint64_t address) {
    std::string text;
    char part[256];
    while (address != 0 && text.size() < kLongestText) {
        // Not over the end of a page, behind which there may be nothing.
        const std::size_t size = std::min<std::size_t>(sizeof(part), 4096 - address % 4096);
        if (!read_memory(thread, address, part, size)) return {};
        const std::size_t length = ::strnlen(part, size);
        text.append(part, length);
        if (length < size) return text;
        address += size;
    }
    return {};
}

}  // namespace enclavisor::host
