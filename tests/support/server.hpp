// A server that a test starts and other processes of the host that it looks at.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace enclavisor::tests {

bool soon(std::chrono::seconds within, const std::function<bool()>& reached);

// In its own process group, which is dead once this is gone.
class Server {
public:
    // What it prints goes to the end of `log`.
    Server(const std::vector<std::string>& arguments, const std::filesystem::path& log);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    bool ended(std::chrono::seconds within);
    // It accepts connections at `port`, within a minute.
    bool listens(const std::string& port);
    pid_t pid() const { return pid_; }      // 0: it has ended
    int status() const { return status_; }  // of one that has ended: exit status, or 128 + signal

private:
    pid_t pid_;
    int status_ = -1;
};

// All below it, as far as they have parents.
std::vector<pid_t> descendants(pid_t pid);
// Those whose name begins so.
std::vector<pid_t> descendants(pid_t pid, const std::string& name);
// A number of /proc/PID/status; 0: there is none.
std::uint64_t status_of(pid_t pid, const std::string& field);

}  // namespace enclavisor::tests
