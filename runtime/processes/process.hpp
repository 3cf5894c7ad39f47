// A process of the program. The first begins with the enclave, the others with fork()
// and its relatives; all live in the one enclave, under the one lock, each in an
// address space of its own.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <string>

#include "runtime/config/config.hpp"
#include "runtime/files/descriptors.hpp"
#include "runtime/files/directory.hpp"
#include "runtime/memory/memory.hpp"
#include "runtime/processes/credentials.hpp"
#include "runtime/signals/signals.hpp"
#include "runtime/terminals/terminal.hpp"
#include "runtime/threads/thread.hpp"
#include "runtime/timers/timer.hpp"

namespace enclavisor::runtime {

// How a process ended or was stopped, as wait4(2) says it.
constexpr int exit_status(int code) {
    return (code & 0xff) << 8;
}
constexpr int stop_status(int signal) {
    return signal << 8 | 0x7f;
}
inline constexpr int kContinuedStatus = 0xffff;

inline constexpr rlim_t kMostFiles = 1 << 20;  // the hard limit, and what root can raise it to

struct Process : Credentials {
    // The first one.
    Process(const Config& config, const abi::StartInfo& told);
    // A child of `parent`, with copies of all that is not shared.
    Process(const Process& parent, std::uint32_t number);
    Process& operator=(const Process&) = delete;

    std::uint32_t pid, parent, group, session;
    bool leads_session = false;  // the first one's session began outside

    // What clone(2) may let processes share. All are there as long as the process lives.
    Ref<Memory> memory;
    Ref<Descriptors> files;
    Ref<Directory> directory;     // and umask
    rlimit limits[RLIM_NLIMITS];  // kept and inherited; only RLIMIT_NOFILE limits anything
    Signals signals;
    ProcessTimers timers{*this};      // a child has none
    Ref<Terminal> terminal;           // the session's; null: none
    std::uint32_t hung_up_group = 0;  // of a leader: the foreground of a terminal that is gone

    std::string executable;                        // path
    std::string interpreter;                       // path, of a dynamic program
    std::string arguments_text, environment_text;  // /proc/self/cmdline, environ
    std::string last_name;                         // of a zombie: its leader's

    Ref<OpenFile> channel;  // of one that the host asked for: names it, and hears of its end (requested.hpp)

    Thread* leader = nullptr;  // the thread whose number is the process's; it may have ended
    std::uint32_t thread_count = 0;
    int exit_signal = 0;             // what its parent gets; 0: nothing
    int death_signal = 0;            // what it gets when its parent ends (PR_SET_PDEATHSIG); 0: nothing
    bool is_subreaper = false;       // orphans below it become its children
    bool has_executed = false;       // since it was forked (setpgid)
    Thread* vfork_parent = nullptr;  // sleeps until the process executes or ends
    Thread* executing = nullptr;     // all others end: it shall be the only one

    // The way to the end.
    bool dying = false;    // each thread ends itself when it sees this
    bool zombie = false;   // nothing is left but the status
    bool stopped = false;  // each thread sleeps when it sees this
    int status = 0;        // how it ended
    int news = 0;          // a stop or continuation that its parent has not heard of; 0: none

    // What the process and what its children that were waited for used, nanoseconds.
    std::uint64_t began = 0, children_time = 0;
};

// The calling thread's.
inline Process& process() {
    return *this_thread().process;
}

}  // namespace enclavisor::runtime
