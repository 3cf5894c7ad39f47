// The VM's own report, as the secure processor signs it (AMD 56860, "ATTESTATION_REPORT"), and why there may
// be none (Command::kVmReport).
#pragma once

#include <cstddef>
#include <cstdint>

namespace enclavisor::abi {

inline constexpr std::size_t kReportDataSize = 64;  // REPORT_DATA
inline constexpr std::size_t kReportSize = 1184;

// The VMPL in a report whose REPORT_DATA the host chose. The kernel and the attestation enclave run at 0, and
// only with what the attestation enclave itself vouches for may a report say so.
inline constexpr std::uint32_t kHostReportVmpl = 3;

// After each but kNone, kStatus and kForm, which are the secure processor's own, a number may have been used
// without an answer: the key is erased, and what follows is kClosed.
enum class MessageRefusal : std::uint64_t {
    kNone = 0,
    kClosed,    // no more messages, after an earlier refusal; detail: that
    kTooLarge,  // more than a page holds
    kOrder,     // a request before the last one's answer, or an answer to none
    kSequence,  // not the number that follows the request's: replayed, reordered or made up
    kHeader,    // a header that no answer to the request has
    kTag,       // not by the secure processor, or changed on its way
    kBusy,      // the hypervisor was busy, each time
    kError,     // the request ended with an error; detail: SW_EXITINFO2 (AMD 56421, 4.1.7)
    kStatus,    // the secure processor answered no; detail: its status
    kForm,      // its answer is no report
};
inline constexpr std::uint64_t kMessageRefusals = 11;

}  // namespace enclavisor::abi
