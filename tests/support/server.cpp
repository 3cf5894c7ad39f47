#include "tests/support/server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>
#include <thread>

#include "tests/support/subprocess.hpp"
#include "tests/support/tcp.hpp"

namespace enclavisor::tests {

bool soon(std::chrono::seconds within, const std::function<bool()>& reached) {
    const auto until = std::chrono::steady_clock::now() + within;
    while (!reached()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    return true;
}

Server::Server(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
    pid_ = ::fork();
    if (pid_ != 0) {
        ::setpgid(pid_, pid_);
        return;
    }
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int in = ::open("/dev/null", O_RDONLY);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) ::_exit(99);
    ::closefrom(3);
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(97);
}

Server::~Server() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGTERM);
    if (!ended(std::chrono::seconds{5})) {
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

bool Server::ended(std::chrono::seconds within) {
    return soon(within, [&] {
        int status;
        if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            pid_ = 0;
        }
        return pid_ <= 0;
    });
}

bool Server::listens(const std::string& port) {
    return soon(std::chrono::seconds{60}, [&] { return accepts(port) || ended({}); }) && pid_ > 0;
}

std::vector<pid_t> descendants(pid_t pid) {
    std::vector<pid_t> all;
    std::error_code gone;
    for (const auto& task :
         std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task", gone}) {
        std::istringstream children{read_file(task.path() / "children")};
        for (pid_t child; children >> child;) {
            all.push_back(child);
            for (const pid_t further : descendants(child)) all.push_back(further);
        }
    }
    return all;
}

std::vector<pid_t> descendants(pid_t pid, const std::string& name) {
    std::vector<pid_t> all = descendants(pid);
    std::erase_if(all, [&](pid_t each) {
        return !read_file("/proc/" + std::to_string(each) + "/comm").starts_with(name);
    });
    return all;
}

std::uint64_t status_of(pid_t pid, const std::string& field) {
    std::istringstream lines{read_file("/proc/" + std::to_string(pid) + "/status")};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(field + ":")) return std::stoull(line.substr(field.size() + 1));
    }
    return 0;
}

}  // namespace enclavisor::tests
