// The link: one shared memory region (ivshmem BAR2) between the launcher and
// the kernel. Written by both, trusted by neither.
//
//   offset 0            LinkHeader              one page
//   kControlOffset      ControlRing             commands to the kernel
//   kStatusOffset       EnclaveStatus[]         one record per enclave slot
//   kControlDataOffset  page contents for add_pages
//   kIoPoolOffset       I/O areas, one per enclave thread, placed by the host
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/platform/layout.hpp"

namespace enclavisor::abi {

inline constexpr std::uint64_t kLinkMagic = 0x4b4e494c434e4531;  // "1ENCLINK"
inline constexpr std::uint32_t kLinkVersion = 1;

enum class GuestState : std::uint32_t { kAbsent = 0, kReady = 1, kPanicked = 2, kRefused = 3 };
enum class PlatformKind : std::uint32_t {
    kPlain = 1,
    kSimulatedSev = 2,
    kSimulatedSevEs = 3,
    kSimulatedSnp = 4,
    kSev = 5,
    kSevEs = 6,
    kSevSnp = 7,
};

// Offset 0 of the link. Fields of the host are written before QEMU starts and
// after that only where noted; fields of the guest are written by the kernel.
struct LinkHeader {
    // host
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t reserved0;
    std::uint64_t size;        // bytes of the whole link; power of two
    std::uint64_t tsc_khz;     // hint; outside [100'000, 10'000'000] it is ignored
    std::uint32_t host_waits;  // 1: the control client sleeps; ring its doorbell after a completion
    std::uint32_t reserved1[7];
    // guest (second cache line)
    std::uint32_t guest_state;  // GuestState
    std::uint32_t platform;     // PlatformKind
    std::uint32_t guest_waits;  // 1: every vCPU is halted; ring the doorbell after a submission
    std::uint32_t events;       // counts changes in the status table
    std::uint64_t boot_tsc;     // TSC when the kernel was ready
    std::uint64_t reserved2[5];
};
static_assert(sizeof(LinkHeader) == 128 && offsetof(LinkHeader, guest_state) == 64);
static_assert(std::has_unique_object_representations_v<LinkHeader>);

inline constexpr std::uint64_t kControlOffset = 0x1000;
inline constexpr std::uint64_t kStatusOffset = 0x10000;
inline constexpr std::uint64_t kControlDataOffset = 0x200000;
inline constexpr std::uint64_t kControlDataSize = 0x200000;
inline constexpr std::uint64_t kIoPoolOffset = 0x400000;
inline constexpr std::uint64_t kLinkDefaultSize = 64ull << 20;

// ivshmem peers: the launcher is peer 0, the VM is peer 1. One vector each way.
inline constexpr std::uint16_t kHostPeer = 0;
inline constexpr std::uint16_t kGuestPeer = 1;

}  // namespace enclavisor::abi
