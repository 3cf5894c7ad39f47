// Child processes that never outlive their parent.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"

namespace enclavisor::host {

struct SpawnOptions {
    // Descriptors that the child inherits, under the same numbers.
    std::vector<int> inherit;
    int standard_input = -1;  // -1: the parent's
    int standard_output = -1;
    int standard_error = -1;
    bool own_group = false;  // out of reach of the terminal's Ctrl-C
    std::string directory;   // working directory; empty: the parent's
    bool forget_environment = false;
};

class Process {
public:
    // Runs `arguments[0]` (an absolute or relative path). The child is killed when
    // the calling *thread* ends (PR_SET_PDEATHSIG), so call from a lasting one.
    static Result<Process> spawn(const std::vector<std::string>& arguments, const SpawnOptions& options);

    // A process that somebody else started and waits for: how it ends is not known here.
    static Result<Process> adopt(pid_t pid);

    Process(Process&&) = default;
    Process& operator=(Process&& other) noexcept;
    ~Process() { kill(); }

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }
    // The wait status if the process has ended; of an adopted one 0.
    std::optional<int> ended();
    void kill();  // SIGKILL, and waits

private:
    Process(pid_t pid, Fd pidfd, bool own) : pid_{pid}, pidfd_{std::move(pidfd)}, own_{own} {}

    pid_t pid_;
    Fd pidfd_;  // closed in a moved-from object
    bool own_;  // our child
    std::optional<int> status_;
};

// "exited with status 3", "was killed by signal 9 (Killed)".
std::string describe_wait_status(int status);

}  // namespace enclavisor::host
