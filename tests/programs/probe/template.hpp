// What the host and the enclave of probe/template.cpp say to each other, in the
// enclave's I/O window: ProbeStart at its second page, ProbeSlots from its third.
#pragma once

#include <cstdint>

#include "abi/platform/layout.hpp"

namespace enclavisor::tests {

struct ProbeStart {
    std::uint64_t heap_pages;  // touched before it freezes
    std::uint64_t parked;      // instances do not run before their first request
};

enum class ProbeOperation : std::uint32_t { kNone, kWrite, kRead, kEnd, kFrequency };

struct alignas(64) ProbeSlot {
    // host; `request` counts and is written last
    std::uint32_t request;
    std::uint32_t operation;  // ProbeOperation
    std::uint64_t page;       // of the heap
    std::uint64_t value;
    // enclave
    std::uint32_t done;  // equals `request` when it is answered
    std::uint32_t reserved;
    std::uint64_t result;     // of kRead; of kFrequency: of the TSC, in kHz
    std::uint64_t first_tsc;  // at the instance's first instruction
    std::uint64_t instance;   // its handle
    std::uint64_t random;     // of the 256 bits, the first 64
};
static_assert(sizeof(ProbeSlot) == 64);

inline constexpr std::uint64_t kProbeStart = abi::kPageSize;
inline constexpr std::uint64_t kProbeSlots = 2 * abi::kPageSize;

}  // namespace enclavisor::tests
