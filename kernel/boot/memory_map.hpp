// How much RAM and how many vCPUs there are. The host says so, in CMOS registers; a
// lie makes the kernel refuse or fault on memory that is not there, nothing else.
#pragma once

#include <cstdint>

#include "kernel/memory/frames.hpp"

namespace enclavisor::kernel {

struct MemoryMap {
    std::uint64_t low_end;   // RAM below 4 GiB ends here
    std::uint64_t high_end;  // RAM from 4 GiB up to here; 4 GiB: none
    std::uint32_t cpus;
    std::uint64_t top() const { return high_end > kFourGigabytes ? high_end : low_end; }
    static constexpr std::uint64_t kFourGigabytes = 1ull << 32;
};

MemoryMap read_memory_map();

// Puts the allocator's records after the kernel's image and gives it the rest.
void initialise_frames(FrameAllocator& frames, const MemoryMap& map);

}  // namespace enclavisor::kernel
