#include "host/lib/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

namespace enclavisor::host {
namespace {

// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, char* const* environment, const SpawnOptions& options,
                         pid_t parent, int report) {
    auto give_up = [report] {
        const int error = errno;
        [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof(error));
        ::_exit(127);
    };
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up();
    if (::getppid() != parent) ::_exit(127);
    if (options.own_group && ::setpgid(0, 0) != 0) give_up();

    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    for (int number = 1; number < 32; number++) ::sigaction(number, &plain, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    const int standard[3] = {options.standard_input, options.standard_output, options.standard_error};
    for (int number = 0; number < 3; number++) {
        if (standard[number] >= 0 && ::dup2(standard[number], number) < 0) give_up();
    }
    for (const int fd : options.inherit) {
        if (::fcntl(fd, F_SETFD, 0) != 0) give_up();
    }
    if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) give_up();
    ::execve(arguments[0], arguments, environment);
    give_up();
    __builtin_unreachable();
}

}  // namespace

Result<Process> Process::spawn(const std::vector<std::string>& arguments, const SpawnOptions& options) {
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    char* no_environment[] = {nullptr};

    int report[2];
    if (::pipe2(report, O_CLOEXEC) != 0)
        return fail(std::string{"cannot create a pipe: "} + std::strerror(errno));
    const Fd reader{report[0]};
    Fd writer{report[1]};

    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        return fail(std::string{"cannot start a process: "} + std::strerror(errno), "free some memory");
    }
    if (pid == 0) {
        become(argv.data(), options.forget_environment ? no_environment : environ, options, parent,
               writer.get());
    }
    writer.reset();
    int child_error = 0;
    ssize_t count;
    do {
        count = ::read(reader.get(), &child_error, sizeof(child_error));
    } while (count < 0 && errno == EINTR);
    if (count == static_cast<ssize_t>(sizeof(child_error))) {
        ::waitpid(pid, nullptr, 0);
        return fail(fmt::format("cannot run {}: {}", arguments[0], std::strerror(child_error)),
                    "'enclavisor doctor' shows what is missing");
    }
    Fd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (!pidfd) {
        const int error = errno;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return fail(std::string{"cannot watch a process: "} + std::strerror(error),
                    "Linux 5.3 or later is needed");
    }
    return Process{pid, std::move(pidfd), true};
}

Result<Process> Process::adopt(pid_t pid) {
    Fd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (!pidfd) return fail(fmt::format("cannot watch process {}: {}", pid, std::strerror(errno)));
    return Process{pid, std::move(pidfd), false};
}

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        kill();
        pid_ = other.pid_;
        pidfd_ = std::move(other.pidfd_);
        own_ = other.own_;
        status_ = other.status_;
    }
    return *this;
}

std::optional<int> Process::ended() {
    if (!own_ && !status_ && pidfd_) {
        pollfd ended{pidfd_.get(), POLLIN, 0};
        if (::poll(&ended, 1, 0) == 1) status_ = 0;
    } else if (!status_ && pidfd_) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    }
    return status_;
}

void Process::kill() {
    if (!pidfd_ || status_) return;
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    if (!own_) {
        pollfd ended{pidfd_.get(), POLLIN, 0};
        while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
        }
        status_ = 0;
        return;
    }
    int status = 0;
    pid_t waited;
    do {
        waited = ::waitpid(pid_, &status, 0);
    } while (waited < 0 && errno == EINTR);
    status_ = status;
}

std::string describe_wait_status(int status) {
    if (WIFEXITED(status)) return fmt::format("exited with status {}", WEXITSTATUS(status));
    if (WIFSIGNALED(status)) {
        return fmt::format("was killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    }
    return fmt::format("ended with wait status {:#x}", status);
}

}  // namespace enclavisor::host
