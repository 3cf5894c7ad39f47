// One I/O area per enclave thread: a submission and a completion ring, and a
// data area for what the calls carry. Shared with the host, hence hostile to
// the enclave (and, the other way, to the proxy).
//
// Protocol. The enclave fills entries[i % kIoDepth], then stores submitted =
// i + 1 (release). The proxy executes and fills completions[i % kIoDepth],
// then stores completed = i + 1 (release). Each side keeps the indices it
// relies on in its own private memory.
//
// Sleeping. The enclave spins, then stores enclave_waits = 1, looks at
// `completed` again, and sleeps in the kernel (Call::kWaitIo); the proxy rings
// the guest's doorbell after a completion when enclave_waits is 1. The proxy
// spins, then stores host_waits = 1, looks at `submitted` again, and sleeps in
// a futex on host_waits; the enclave calls Call::kDoorbell after a submission
// when host_waits is 1. A full fence stands between store and look.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/platform/layout.hpp"

namespace enclavisor::abi {

inline constexpr std::uint32_t kIoDepth = 16;

struct SubmissionEntry {
    std::uint32_t call;  // ForwardedCall
    std::uint32_t id;    // echoed in the completion
    std::uint64_t arguments[6];
    std::uint64_t reserved;
};
static_assert(sizeof(SubmissionEntry) == 64);

struct CompletionEntry {
    std::uint32_t id;
    std::uint32_t reserved0;
    std::int64_t result;  // >= 0, or -errno
    std::uint64_t reserved1[2];
};
static_assert(sizeof(CompletionEntry) == 32);

struct IoHeader {
    // enclave
    std::uint32_t submitted;
    std::uint32_t enclave_waits;
    std::uint32_t reserved0[14];
    // proxy
    std::uint32_t completed;
    std::uint32_t host_waits;
    std::uint32_t reserved1[14];
    SubmissionEntry entries[kIoDepth];
    CompletionEntry completions[kIoDepth];
};
static_assert(sizeof(IoHeader) <= kPageSize);
static_assert(offsetof(IoHeader, completed) == 64);
static_assert(std::has_unique_object_representations_v<IoHeader>);

// The data area follows the header page. Buffers of a call are named by their
// offset in it; kNoBuffer stands for a null pointer.
inline constexpr std::uint64_t kIoDataOffset = kPageSize;
inline constexpr std::uint64_t kIoAreaPages = 65;  // 1 + 256 KiB of data
inline constexpr std::uint64_t kIoDataSize = (kIoAreaPages - 1) * kPageSize;
inline constexpr std::uint64_t kNoBuffer = ~0ull;

}  // namespace enclavisor::abi
