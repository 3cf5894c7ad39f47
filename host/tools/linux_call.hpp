// What becomes of a system call in an enclave, from the table of them.
#pragma once

#include <cstdint>
#include <string_view>

namespace enclavisor::host {

enum class CallAnswer { kInside, kForwarded, kAbsent };

struct LinuxCall {
    std::string_view name;  // empty: there is no call of this number
    CallAnswer answer = CallAnswer::kAbsent;
};

LinuxCall linux_call(std::uint64_t number);

// What a program makes a call for that an enclave does not answer, to be read after "it":
// "mounts file systems".
std::string_view purpose_of(std::string_view name);

}  // namespace enclavisor::host
