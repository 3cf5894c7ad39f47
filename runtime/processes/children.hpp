// Parents and children: what parents hear, and how they wait. The lock is held.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/processes/process.hpp"

namespace enclavisor::runtime {

// A process that ended: its parent gets its signal. Without a parent that wants to know, the process is
// forgotten at once.
void tell_parent_of_end(Process& process);
// SIGCHLD with that code (CLD_STOPPED ...), unless the parent does not want it.
void tell_parent_of_stop(const Process& process, int code, int number);

// Whether no process outside of the group, but of its session, is parent to one in it.
bool is_orphaned(std::uint32_t group);

// The groups that only the process may keep from being orphaned, asked while it is there; and what
// those among them that are stopped get when it is not (exit(2)): SIGHUP and SIGCONT.
std::vector<std::uint32_t> groups_kept_by(const Process& process);
void release_orphans(const std::vector<std::uint32_t>& groups);

// Whose end or stop is waited for.
struct ChildChoice {
    std::uint32_t pid = 0, group = 0;  // 0: any
    int options = 0;                   // WEXITED ... and __WALL of waitid(2), WNOHANG, WNOWAIT
};
struct ChildNews {
    std::uint32_t pid = 0;  // 0: nothing yet, and WNOHANG
    std::uint32_t uid = 0;
    int status = 0;               // as wait4(2) says it
    std::uint64_t time_used = 0;  // nanoseconds
};
// 0, or -errno. The lock is released while it waits.
std::int64_t wait_for_child(const ChildChoice& choice, ChildNews& news);

}  // namespace enclavisor::runtime
