#include "tests/support/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace enclavisor::tests {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void become(const std::vector<std::string>& arguments, const RunOptions& options, int out,
                         int err) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int in = ::open(options.standard_input.c_str(), O_RDONLY);
    if (!options.standard_output.empty()) {
        out = ::open(options.standard_output.c_str(), O_WRONLY | O_CREAT, 0644);
    }
    if (in < 0 || out < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(99);
    ::closefrom(3);
    if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) ::_exit(98);
    std::vector<char*> argv, environment;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    for (const auto& variable : options.environment)
        environment.push_back(const_cast<char*>(variable.c_str()));
    argv.push_back(nullptr);
    environment.push_back(nullptr);
    ::execvpe(argv[0], argv.data(), options.inherit_environment ? environ : environment.data());
    ::_exit(97);
}

// False at the end of the stream.
bool drain(int fd, std::string& into) {
    char buffer[65536];
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
}

}  // namespace

RunResult run(const std::vector<std::string>& arguments, const RunOptions& options) {
    int out[2], err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error{"pipe failed"};
    const auto begin = Clock::now();
    const pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error{"fork failed"};
    if (pid == 0) become(arguments, options, out[1], err[1]);
    ::setpgid(pid, pid);
    ::close(out[1]);
    ::close(err[1]);

    RunResult result;
    bool signalled = options.signal == 0;
    pollfd streams[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
    int status = 0;
    bool ended = false;
    while (!ended) {
        ::poll(streams, 2, 20);
        for (int i = 0; i < 2; i++) {
            if (streams[i].revents != 0 && !drain(streams[i].fd, i == 0 ? result.out : result.err))
                streams[i].fd = -1;
        }
        ended = ::waitpid(pid, &status, WNOHANG) == pid;
        const auto elapsed = Clock::now() - begin;
        if (!signalled && elapsed > options.signal_after) {
            ::kill(pid, options.signal);
            signalled = true;
        }
        if (!ended && elapsed > options.timeout) {
            result.timed_out = true;
            ::kill(-pid, SIGKILL);
            ended = ::waitpid(pid, &status, 0) == pid;
        }
    }
    result.time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    ::kill(-pid, SIGKILL);
    for (int i = 0; i < 2; i++) {
        while (streams[i].fd >= 0 && drain(streams[i].fd, i == 0 ? result.out : result.err)) {
        }
    }
    ::close(out[0]);
    ::close(err[0]);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream content;
    content << std::ifstream{path, std::ios::binary}.rdbuf();
    return content.str();
}

void write_file(const std::filesystem::path& path, const std::string& content) {
    std::ofstream{path, std::ios::binary} << content;
}

}  // namespace enclavisor::tests
