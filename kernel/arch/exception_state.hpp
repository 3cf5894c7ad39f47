// What the processor itself keeps of an exception; the hypervisor of an encrypted
// register state cannot write it.
#pragma once

#include <cstdint>

namespace enclavisor::kernel::arch {

inline constexpr std::uint64_t kAlignmentCheck = 1 << 18;  // in RFLAGS

// CR2 while no page fault is under way: not canonical, so no page fault leaves it there.
inline constexpr std::uint64_t kNoFault = 1ull << 63;

// The address of the page fault that brought us here; kNoFault: there was none.
inline std::uint64_t take_fault_address() {
    std::uint64_t address;
    asm volatile("movq %%cr2, %0\n\tmovq %1, %%cr2" : "=&r"(address) : "r"(kNoFault) : "memory");
    return address;
}

// Whether DR6 (APM2 13.1.1.3) tells of a single step; it does not tell so again.
inline bool take_single_step() {
    std::uint64_t status;
    asm volatile("movq %%dr6, %0\n\tmovq %1, %%dr6" : "=&r"(status) : "r"(0ull) : "memory");
    return status & 1 << 14;
}

// Of the thread whose state is loaded: an unmasked x87 exception (the status word's
// summary bit), an unmasked SIMD exception's flag in MXCSR.
inline bool x87_exception_pending() {
    std::uint16_t status;
    asm volatile("fnstsw %0" : "=a"(status));
    return status & 1 << 7;
}
inline bool simd_exception_pending() {
    std::uint32_t mxcsr;
    asm volatile("stmxcsr %0" : "=m"(mxcsr));
    return mxcsr & ~(mxcsr >> 7) & 0x3f;
}

}  // namespace enclavisor::kernel::arch
