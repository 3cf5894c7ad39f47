// What the host and the enclave of probe/crowd.cpp, or spaces.cpp, say to each other, in the second
// page of its I/O window.
#pragma once

#include <cstdint>

namespace enclavisor::tests {

inline constexpr std::uint32_t kCrowdThreads = 6;
inline constexpr std::uint32_t kSpacesChildren = 3;  // at a time
inline constexpr std::uint64_t kSpacesPages = 600;

struct CrowdStatus {
    // host
    std::uint32_t stop;
    // enclave
    std::uint32_t ready;   // threads that run
    std::uint32_t rounds;  // of changes to the memory
    std::uint32_t looks;   // of the other threads, in which they found the page
    std::uint64_t stale;   // something was read that was not, or no longer, there; never with a right kernel
    std::uint64_t detail;
    std::uint64_t copy_ticks;  // spaces.cpp: TSC, for a copy of a space of kSpacesPages touched pages
};

}  // namespace enclavisor::tests
