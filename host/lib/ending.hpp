// What the end of an enclave means for people and for the exit status.
#pragma once

#include <string>

#include "abi/host/control.hpp"

namespace enclavisor::host {

struct Ending {
    int exit_code;
    std::string text;  // empty after an ordinary exit
};

// Exit status: the program's own; 128 + signal for faults (as a shell reports
// them) and signals; 125 when the enclave could not go on.
Ending describe_ending(const abi::EnclaveStatus& status);

// For programs: "exited", "memory_limit". "unknown" if there is no such reason.
const char* end_reason_name(std::uint32_t reason);

}  // namespace enclavisor::host
