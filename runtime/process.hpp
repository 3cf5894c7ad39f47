// The one process of this enclave: all of the runtime's state.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <string>

#include "runtime/config/config.hpp"
#include "runtime/config/start_info.hpp"
#include "runtime/files/descriptors.hpp"
#include "runtime/files/names.hpp"
#include "runtime/memory/memory.hpp"
#include "runtime/signals/signals.hpp"
#include "runtime/threads/futex_table.hpp"
#include "runtime/threads/threads.hpp"
#include "runtime/time/clock.hpp"

namespace enclavisor::runtime {

struct Capabilities {
    std::uint64_t effective, permitted, inheritable;
};
inline constexpr std::uint64_t kAllCapabilities = (1ull << 41) - 1;  // CAP_LAST_CAP is 40

struct Process {
    Process(Config&& measured, Start&& told);

    Config config;
    Start start;
    Memory memory;
    Descriptors files;
    Names names;
    Signals signals;
    Threads threads;
    FutexTable futexes;
    Clock clock;

    std::uint32_t pid, parent, uid, gid, euid, egid;
    std::uint32_t umask;
    Capabilities capabilities;                     // the user's; they open nothing here
    std::string interpreter;                       // path, of a dynamic program
    std::string arguments_text, environment_text;  // /proc/self/cmdline, environ
    std::uint32_t highest_pid;                     // of this instance and its ancestors
    bool freezes_at_input;                         // and has not read any yet
    int first_status = 0;                          // what the first thread ended with

    // In an instance of the enclave: what the host says of it. Users, groups, clocks and
    // the numbers of threads stay.
    void begin_instance(Start&& told);

    // Before the enclave ends, with the lock: the summary of unsupported calls, if
    // asked for.
    void finish();
    [[noreturn]] void exit(int status);
};

Process& process();

// Summary of unsupported calls on descriptor 2 (calls/unsupported.cpp).
void count_unsupported(std::uint64_t number);
void print_unsupported();

}  // namespace enclavisor::runtime
