// Guest-physical and virtual layout that the launcher, the kernel and enclaves
// agree on. Everything here is a constant of the ABI; nothing is negotiated.
#pragma once

#include <cstdint>

namespace enclavisor::abi {

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr std::uint64_t kPageShift = 12;

// --- Guest-physical addresses --------------------------------------------

// The launcher places the link (ivshmem BAR2, shared with the host) and the
// device's registers below the I/O APIC, where neither q35 nor pc puts RAM.
inline constexpr std::uint64_t kLinkPhys = 0xe000'0000;
inline constexpr std::uint64_t kDoorbellRegistersPhys = 0xf000'0000;
inline constexpr std::uint64_t kDoorbellVectorsPhys = 0xf001'0000;
inline constexpr std::uint64_t kLinkMaxSize = 256ull << 20;

// sim-sev models the C-bit by aliasing: bit 39 selects the private backing.
inline constexpr unsigned kSimulatedCBit = 39;
inline constexpr std::uint64_t kSimulatedPrivatePhys = 1ull << kSimulatedCBit;

// --- Enclave virtual addresses -------------------------------------------

// An enclave owns [kEnclaveBegin, kEnclaveEnd). The page below the canonical
// hole stays unmapped so that no `syscall` can leave a non-canonical RIP.
inline constexpr std::uint64_t kEnclaveBegin = 0x1'0000;
inline constexpr std::uint64_t kEnclaveEnd = 0x7fff'ffff'0000;

// What lies here is the same in all address spaces of an enclave (Call::kForkSpace): one
// entry of a root table.
inline constexpr std::uint64_t kCommonBegin = 0x7f00'0000'0000;
inline constexpr std::uint64_t kCommonEnd = 0x7f80'0000'0000;

// Conventions of process enclaves (chosen by the loader, known to the
// runtime; the kernel does not care).
inline constexpr std::uint64_t kRuntimeBase = 0x7f00'0000'0000;
inline constexpr std::uint64_t kRuntimeEnd = 0x7f00'1000'0000;
inline constexpr std::uint64_t kConfigBase = 0x7f10'0000'0000;
inline constexpr std::uint64_t kThreadBlockBase = 0x7f20'0000'0000;  // one page per thread
inline constexpr std::uint64_t kIoAreaBase = 0x7f30'0000'0000;       // kIoAreaStride per thread
inline constexpr std::uint64_t kIoAreaStride = 0x100'0000;
inline constexpr std::uint64_t kStaticPieBase = 0x5555'5555'4000;
inline constexpr std::uint64_t kStackTop = 0x7ffe'0000'0000;  // program's main stack ends here
inline constexpr std::uint64_t kMmapTop = 0x7ef0'0000'0000;   // mappings grow down from here
inline constexpr std::uint64_t kInterpreterBase = kMmapTop;   // of a dynamic program's ld.so

}  // namespace enclavisor::abi
