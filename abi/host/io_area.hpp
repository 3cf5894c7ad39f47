// An enclave's I/O window: I/O areas, one behind the other. An area is a submission
// and a completion ring, and a data area for what the calls carry. Which thread uses
// which area, and when, is the enclave's affair. Shared with the host, hence hostile
// to the enclave (and, the other way, to the proxy).
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
//
// Attention. For the areas behind the first, the enclave sets the area's bit in the
// first one's `attention` before it rings, so that nobody looks at areas that were
// never used. It also rings for an area's first submission, which is when the host
// begins to serve it.
//
// Cutting short. A thread that does not want to wait for an answer any longer
// stores cancel = submitted, sets the attention bit and rings: the proxy
// interrupts the call (EINTR), unless it is done, and completes it as ever.
//
// Signals. The host sets bits in the first area's `signals` and gives
// Command::kInterrupt; the enclave takes the bits, and those in kHostSignals are
// signals to the program as kill() sends them. Others mean nothing. In the same way it
// asks for processes, with `execution` (abi/host/execution.hpp).
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
    std::uint64_t attention;  // bit i: area i; of the first area only
    std::uint32_t cancel;
    std::uint32_t reserved0[11];
    // proxy
    std::uint32_t completed;
    std::uint32_t host_waits;
    std::uint32_t supervisor_waits;  // of the first area only, like `supervise`: among the host's processes
    std::uint32_t reserved1;
    std::uint64_t supervise;
    std::uint64_t signals;    // of the first area only: bit n - 1 is signal n
    std::uint64_t execution;  // of the first area only
    std::uint32_t reserved2[6];
    SubmissionEntry entries[kIoDepth];
    CompletionEntry completions[kIoDepth];
};
static_assert(sizeof(IoHeader) <= kPageSize);
static_assert(offsetof(IoHeader, completed) == 64);
static_assert(std::has_unique_object_representations_v<IoHeader>);

// What the host may send: no SIGKILL and no SIGSTOP, which are kernel commands, and no
// signal that stands for a fault (ILL, TRAP, BUS, FPE, SEGV, SYS): a program's handlers
// believe in those.
inline constexpr std::uint64_t kHostSignals = [] {
    constexpr int kRefused[] = {9, 19, 4, 5, 7, 8, 11, 31};
    std::uint64_t set = ~0ull;
    for (const int refused : kRefused) set &= ~(1ull << (refused - 1));
    return set;
}();

// The data area follows the header page. Buffers of a call are named by their
// offset in it; kNoBuffer stands for a null pointer.
inline constexpr std::uint64_t kIoDataOffset = kPageSize;
inline constexpr std::uint64_t kIoAreaPages = 65;  // 1 + 256 KiB of data
inline constexpr std::uint64_t kIoDataSize = (kIoAreaPages - 1) * kPageSize;
inline constexpr std::uint64_t kNoBuffer = ~0ull;

// The areas behind the first are smaller: 64 KiB of data and what goes with it.
inline constexpr std::uint64_t kFurtherIoAreaPages = 18;
inline constexpr std::uint64_t kMaxIoAreas = 64;

constexpr std::uint64_t io_window_pages(std::uint64_t areas) {
    return kIoAreaPages + (areas - 1) * kFurtherIoAreaPages;
}
// How many areas a window of so many bytes holds; 0: none.
constexpr std::uint64_t io_area_count(std::uint64_t bytes) {
    const std::uint64_t pages = bytes / kPageSize;
    if (pages < kIoAreaPages) return 0;
    const std::uint64_t count = 1 + (pages - kIoAreaPages) / kFurtherIoAreaPages;
    return count < kMaxIoAreas ? count : kMaxIoAreas;
}
// Where area `index` begins in the window, and the size of its data.
constexpr std::uint64_t io_area_offset(std::uint64_t index) {
    return index == 0 ? 0 : (kIoAreaPages + (index - 1) * kFurtherIoAreaPages) * kPageSize;
}
constexpr std::uint64_t io_data_size(std::uint64_t index) {
    return ((index == 0 ? kIoAreaPages : kFurtherIoAreaPages) - 1) * kPageSize;
}
static_assert(io_window_pages(kMaxIoAreas) * kPageSize <= kIoAreaStride);
static_assert(io_area_count(io_window_pages(kMaxIoAreas) * kPageSize) == kMaxIoAreas);

}  // namespace enclavisor::abi
