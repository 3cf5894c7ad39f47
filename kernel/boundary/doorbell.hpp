// The ivshmem device: where the link is, and the doorbell in both directions
// (QEMU's docs/specs/ivshmem-spec). The launcher is peer 0.
#pragma once

#include <cstdint>

namespace enclavisor::kernel {

inline constexpr std::uint8_t kDoorbellVector = 0x41;

// Finds the device, places its BARs, directs its interrupt to kDoorbellVector.
// Returns the link's size: a power of two, at least kLinkDefaultSize / 8. Its
// registers may be used when the kernel's map is in place.
std::uint64_t find_link();

// After the kernel's map is there: lets the device raise its interrupt.
void enable_doorbell();

// Wakes the host's side.
void ring_doorbell();

}  // namespace enclavisor::kernel
