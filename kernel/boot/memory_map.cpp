#include "kernel/boot/memory_map.hpp"

#include "base/checked.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/panic.hpp"
#include "kernel/platform/devices.hpp"
#include "kernel/platform/exits.hpp"

namespace enclavisor::kernel {
namespace {

constexpr std::uint64_t kRecords = kImagePhys + kImageSize;

std::uint64_t cmos(std::uint8_t index) {
    port_write8(0x70, index);
    return port_read8(0x71);
}

// Frames and the records that FrameAllocator has of them. Each 512 frames have a page of records, which
// the first part of them to be accepted takes along.
void accept_with_records(std::uint64_t begin, std::uint64_t end) {
    static_assert(FrameAllocator::kAcceptedAtOnce * sizeof(FrameAllocator::Record) == abi::kPageSize);
    static_assert(kRecords % abi::kPageSize == 0);
    const std::uint64_t record_page = kRecords / abi::kPageSize + begin / FrameAllocator::kAcceptedAtOnce;
    exits::accept_frames(record_page, record_page + 1);
    exits::accept_frames(begin, end);
}

}  // namespace

MemoryMap read_memory_map() {
    // QEMU, hw/i386/pc.c: memory above 16 MiB and above 4 GiB, each in 64 KiB.
    const std::uint64_t low = (16ull << 20) + ((cmos(0x34) | cmos(0x35) << 8) << 16);
    const std::uint64_t high = (cmos(0x5b) | cmos(0x5c) << 8 | cmos(0x5d) << 16) << 16;
    check(low >= 32ull << 20, "the VM has too little memory for the kernel; give it at least 32 MiB");
    check(low <= abi::kLinkPhys && high <= 508ull << 30, "the VM's memory map cannot be");
    // hw/i386/x86.c: one less than the number of vCPUs.
    const auto cpus = static_cast<std::uint32_t>(cmos(0x5f)) + 1;
    return {.low_end = low, .high_end = MemoryMap::kFourGigabytes + high, .cpus = cpus};
}

void initialise_frames(FrameAllocator& frames, const MemoryMap& map) {
    const std::uint64_t size = map.top() / abi::kPageSize * sizeof(FrameAllocator::Record);
    const std::uint64_t first = base::round_up(kRecords + size, abi::kPageSize);
    check(first < map.low_end, "the VM's memory below 4 GiB is too small for its size");
    const FrameAllocator::Range ranges[] = {
        {first / abi::kPageSize, map.low_end / abi::kPageSize},
        {MemoryMap::kFourGigabytes / abi::kPageSize, map.high_end / abi::kPageSize},
    };
    FrameAllocator::Accept accept = nullptr;
    if constexpr (CurrentPlatform::kAcceptsMemory) accept = accept_with_records;
    frames.initialise(direct<FrameAllocator::Record>(PhysAddr{kRecords}), ranges, 2, accept);
}

}  // namespace enclavisor::kernel
