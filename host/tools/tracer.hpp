// Runs a program natively under ptrace(2), with all its threads and descendants, and tells
// of each system call.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "host/lib/error.hpp"

namespace enclavisor::host {

struct TracedCall {
    std::uint64_t number;
    std::array<std::uint64_t, 6> arguments;
};

// Threads are stopped while they are told of: what /proc says of them holds.
class TraceListener {
public:
    virtual ~TraceListener() = default;
    virtual void executed(pid_t process) = 0;  // another program from here on
    virtual void entered(pid_t thread, const TracedCall& call) = 0;
    // Of the last call that was entered there; `result` as Linux returns it.
    virtual void left(pid_t thread, std::int64_t result) = 0;
};

struct TraceEnd {
    int status = 0;              // wait status of the program itself
    std::uint64_t peak_kib = 0;  // the largest memory that one of the processes had
};

// Until the program and all its descendants have ended, or it has and SIGINT or SIGTERM comes.
// SIGTERM and SIGHUP are handed on; SIGINT comes from the terminal to both.
Result<TraceEnd> trace_program(const std::string& path, const std::vector<std::string>& arguments,
                               TraceListener& listener);

// The zero-terminated text at `address` in `thread`, at most 4095 bytes; empty: there is none.
std::string read_text(pid_t thread, std::uint64_t address);
bool read_memory(pid_t thread, std::uint64_t address, void* to, std::size_t size);

}  // namespace enclavisor::host
