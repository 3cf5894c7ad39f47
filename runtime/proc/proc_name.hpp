// Names below /proc that are about a process or a thread of the enclave. The host's are not seen.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/processes/process.hpp"

namespace enclavisor::runtime {

struct ProcName {
    Process* process = nullptr;  // null: there is no such process, or thread
    Thread* thread = nullptr;    // of /proc/PID/task/TID, else the leader; null: a zombie's
    bool of_thread = false;
    std::string rest;    // "" or "fd/3"
    std::string folder;  // "/proc/12" or "/proc/12/task/13"
};

// Nothing: the name is about something else.
std::optional<ProcName> parse_proc_name(std::string_view path);

// The same name with numbers: what "self" means is another thing for another process.
std::string canonical_proc_name(std::string_view path);

// Reads a number that is all of `text`.
std::optional<std::uint32_t> parse_number(std::string_view text);

}  // namespace enclavisor::runtime
