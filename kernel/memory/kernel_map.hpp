// The kernel's half of every address space.
//
//   kDirectBase  all RAM, private, but for the kernel's own image
//   kLinkVirt    the link, shared
//   kDeviceVirt  registers: local APIC, doorbell
//   kCpuAreaVirt stacks and PerCpu of the vCPUs but the first
//   image        text read-execute, rodata read-only, data read-write
#pragma once

#include <cstdint>

#include "kernel/memory/address.hpp"
#include "kernel/memory/frames.hpp"

namespace enclavisor::kernel {

inline constexpr std::uint64_t kDirectBase = 0xffff'8000'0000'0000;
inline constexpr std::uint64_t kLinkVirt = 0xffff'9000'0000'0000;
inline constexpr std::uint64_t kDeviceVirt = 0xffff'a000'0000'0000;
inline constexpr std::uint64_t kApicVirt = kDeviceVirt;
inline constexpr std::uint64_t kDoorbellVirt = kDeviceVirt + 0x1000;
inline constexpr std::uint64_t kVectorsVirt = kDeviceVirt + 0x2000;
inline constexpr std::uint64_t kCpuAreaVirt = 0xffff'b000'0000'0000;
inline constexpr std::uint64_t kImagePhys = 0x20'0000;  // 2 MiB, all the kernel's
inline constexpr std::uint64_t kImageSize = 0x20'0000;

// Private memory as the kernel sees it.
template <typename T>
T* direct(PhysAddr address) {
    return reinterpret_cast<T*>(kDirectBase + address.value);
}
// The frame of an object that direct() gave.
inline PhysAddr frame_of(const void* object) {
    return PhysAddr{reinterpret_cast<std::uint64_t>(object) - kDirectBase};
}

// Makes the tables and switches to them. `ram_top` is the end of RAM.
void create_kernel_map(FrameAllocator& frames, std::uint64_t ram_top, std::uint64_t link_size);

// A fresh private page in the kernel's half, at an address in kCpuAreaVirt.
void map_kernel_page(FrameAllocator& frames, std::uint64_t address);

// Puts the kernel's half into a zeroed root table.
void share_kernel_map(PhysAddr root);

// The address space without an enclave.
std::uint64_t kernel_cr3();

}  // namespace enclavisor::kernel
