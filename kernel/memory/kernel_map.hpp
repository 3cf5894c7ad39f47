// The kernel's half of every address space.
//
//   kDirectBase  all RAM, private, but for the kernel's own image
//   kLinkVirt    the link, shared
//   kDeviceVirt  registers: local APIC, doorbell; pages by which the hypervisor is asked, shared
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
inline constexpr std::uint64_t kMessagePagesVirt = kDeviceVirt + 0x4000;      // two, platform/exits.hpp
inline constexpr std::uint64_t kSharedPagesVirt = kDeviceVirt + 0x10000;      // a vCPU's GHCB page each
inline constexpr std::uint64_t kSimulationPagesVirt = kDeviceVirt + 0x80000;  // abi/platform/sim_request.hpp
inline constexpr std::uint64_t kCpuAreaVirt = 0xffff'b000'0000'0000;
inline constexpr std::uint64_t kImagePhys = 0x20'0000;  // 2 MiB, all the kernel's
inline constexpr std::uint64_t kImageSize = 0x20'0000;

// Where the registers of devices are.
struct DevicePage {
    std::uint64_t address, physical;
};
inline constexpr DevicePage kDevicePages[] = {{kApicVirt, 0xfee0'0000},
                                              {kDoorbellVirt, abi::kDoorbellRegistersPhys},
                                              {kVectorsVirt, abi::kDoorbellVectorsPhys}};
inline PhysAddr device_address(std::uint64_t address) {
    return PhysAddr{kDevicePages[(address - kDeviceVirt) / abi::kPageSize].physical +
                    address % abi::kPageSize};
}

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

// A page that the hypervisor sees, at an address in kDeviceVirt's GiB.
void map_shared_page(FrameAllocator& frames, std::uint64_t address, PhysAddr frame);

// Puts the kernel's half into a zeroed root table.
void share_kernel_map(PhysAddr root);

// The address space without an enclave.
std::uint64_t kernel_cr3();

}  // namespace enclavisor::kernel
