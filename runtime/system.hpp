// What all processes of this enclave share.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/config/config.hpp"
#include "runtime/config/start_info.hpp"
#include "runtime/files/file_locks.hpp"
#include "runtime/files/host_pages.hpp"
#include "runtime/files/names.hpp"
#include "runtime/files/wait_queue.hpp"
#include "runtime/memory/shared_segment.hpp"
#include "runtime/processes/table.hpp"
#include "runtime/terminals/pseudo_terminal.hpp"
#include "runtime/threads/futex_table.hpp"
#include "runtime/threads/threads.hpp"
#include "runtime/time/clock.hpp"
#include "runtime/timers/timers.hpp"

namespace enclavisor::runtime {

struct System {
    System(Config&& measured, Start&& told);

    Config config;
    Start start;
    Names names;
    Processes processes;
    Threads threads;
    FutexTable futexes;
    Clock clock;
    Timers timers;

    FileLocks locks;
    AllHostPages host_pages;
    std::vector<SharedSegment> segments;
    std::int32_t next_segment = 0;

    std::uint32_t host_umask;   // the proxy's: bits that every process masks
    std::uint32_t highest_pid;  // of this instance and its ancestors
    bool freezes_at_input;      // and has not read any yet
    Process* first;             // null: it has ended
    int first_status = 0;       // what it ended with, as wait4(2) says it
    Ref<Terminal> host_terminal;
    PseudoTerminals pseudo_terminals;
    WaitQueue signal_arrivals;  // hears of every signal that comes to wait, in any process

    // In an instance of the enclave: what the host says of it. Users, groups, clocks and
    // the numbers of threads stay.
    void begin_instance(Start&& told);

    // Before the enclave ends, with the lock: the summary of unsupported calls, if
    // asked for.
    void finish();
};

System& system();

// Summary of unsupported calls on descriptor 2 (calls/dispatch.cpp).
void count_unsupported(std::uint64_t number);
void print_unsupported();

}  // namespace enclavisor::runtime
