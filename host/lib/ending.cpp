#include "host/lib/ending.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <cstring>

#include "host/lib/error.hpp"

namespace enclavisor::host {
namespace {

constexpr std::uint64_t kPageFault = 14;

struct Vector {
    const char* name;
    int signal;
};

// AMD64 manual volume 2, table 8-1; signals as Linux sends them.
Vector vector_of(std::uint64_t number) {
    switch (number) {
        case 0:
            return {"division error (#DE)", SIGFPE};
        case 1:
            return {"debug exception (#DB)", SIGTRAP};
        case 3:
            return {"breakpoint (#BP)", SIGTRAP};
        case 4:
            return {"overflow (#OF)", SIGSEGV};
        case 5:
            return {"bound range exceeded (#BR)", SIGSEGV};
        case 6:
            return {"invalid instruction (#UD)", SIGILL};
        case 7:
            return {"device not available (#NM)", SIGSEGV};
        case 10:
            return {"invalid task state (#TS)", SIGSEGV};
        case 11:
            return {"segment not present (#NP)", SIGBUS};
        case 12:
            return {"stack exception (#SS)", SIGBUS};
        case 13:
            return {"general protection fault (#GP)", SIGSEGV};
        case kPageFault:
            return {"page fault (#PF)", SIGSEGV};
        case 16:
            return {"floating-point error (#MF)", SIGFPE};
        case 17:
            return {"alignment check (#AC)", SIGBUS};
        case 19:
            return {"SIMD floating-point error (#XF)", SIGFPE};
        default:
            return {"exception", SIGSEGV};
    }
}

// Page-fault error code, AMD64 manual volume 2, 8.4.2.
const char* page_fault_access(std::uint64_t error) {
    if (error & 16) return "executing";
    return error & 2 ? "writing" : "reading";
}

Ending describe_fault(const abi::EnclaveStatus& status) {
    const Vector vector = vector_of(status.code);
    std::string text = fmt::format("ended by a {}", vector.name);
    if (status.code == kPageFault) {
        text += fmt::format(" {} address {:#x}", page_fault_access(status.detail), status.address);
    } else if (status.detail != 0) {
        text += fmt::format(" with error code {:#x}", status.detail);
    }
    text += fmt::format(" at instruction {:#x}", status.rip);
    return {128 + vector.signal, text};
}

}  // namespace

const char* end_reason_name(std::uint32_t reason) {
    switch (static_cast<abi::EndReason>(reason)) {
        case abi::EndReason::kExited:
            return "exited";
        case abi::EndReason::kFault:
            return "fault";
        case abi::EndReason::kMemoryLimit:
            return "memory_limit";
        case abi::EndReason::kOutOfMemory:
            return "out_of_memory";
        case abi::EndReason::kBadCall:
            return "bad_call";
        case abi::EndReason::kStopped:
            return "stopped";
        case abi::EndReason::kHostProtocol:
            return "host_protocol";
        case abi::EndReason::kSignal:
            return "signal";
        case abi::EndReason::kNone:
            break;
    }
    return "unknown";
}

Ending describe_ending(const abi::EnclaveStatus& status) {
    switch (static_cast<abi::EndReason>(status.reason)) {
        case abi::EndReason::kExited:
            return {static_cast<int>(status.code & 0xff), ""};
        case abi::EndReason::kFault:
            return describe_fault(status);
        case abi::EndReason::kMemoryLimit:
            return {kExitFailure, "needs more memory than its limit (raise --limit or enclave.memory_limit)"};
        case abi::EndReason::kOutOfMemory:
            return {kExitFailure, "the VM has no memory left (give it more with --memory)"};
        case abi::EndReason::kBadCall:
            return {kExitFailure,
                    fmt::format("ended: it broke the contract of kernel call {} at instruction {:#x}",
                                status.code, status.rip)};
        case abi::EndReason::kStopped:
            return {128 + SIGKILL, "was stopped"};
        case abi::EndReason::kHostProtocol:
            return {kExitFailure, fmt::format("ended: it found its host lying (rule {}, detail {:#x})",
                                              status.code, status.detail)};
        case abi::EndReason::kSignal: {
            const int number = static_cast<int>(status.code & 0x7f);
            const char* name = ::sigdescr_np(number);
            return {128 + number,
                    fmt::format("ended by signal {} ({})", number, name != nullptr ? name : "unknown")};
        }
        case abi::EndReason::kNone:
            break;
    }
    return {kExitFailure, fmt::format("ended for a reason that is not known ({})", status.reason)};
}

}  // namespace enclavisor::host
