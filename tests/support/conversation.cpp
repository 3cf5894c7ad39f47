#include "tests/support/conversation.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace enclavisor::tests {
namespace {

constexpr std::chrono::minutes kLongest{1};

}  // namespace

Conversation::Conversation(std::vector<std::string> arguments) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error{"pipe"};
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(in[0], 0);
        ::dup2(out[1], 1);
        ::execvp(words[0], words.data());
        ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    input_ = host::Fd{in[1]};
    output_ = host::Fd{out[0]};
}

Conversation::~Conversation() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::string Conversation::line() {
    const std::string line = line_within(kLongest);
    return line.empty() ? "(nothing)" : line;
}

std::string Conversation::line_within(std::chrono::milliseconds longest) {
    for (;;) {
        if (const std::size_t end = rest_.find('\n'); end != std::string::npos) {
            std::string line = rest_.substr(0, end);
            rest_.erase(0, end + 1);
            return line;
        }
        pollfd polled{output_.get(), POLLIN, 0};
        if (::poll(&polled, 1, static_cast<int>(longest.count())) <= 0) return "";
        char part[4096];
        const ssize_t got = ::read(output_.get(), part, sizeof part);
        if (got <= 0) return "(end)";
        rest_.append(part, static_cast<std::size_t>(got));
    }
}

void Conversation::write(const std::string& text) {
    if (::write(input_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::runtime_error{"write"};
}

void Conversation::signal(int number) {
    ::kill(-pid_, number);
}

int Conversation::end() {
    for (std::string last = line(); last != "(end)"; last = line()) {
        if (last == "(nothing)") return -1;
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace enclavisor::tests
