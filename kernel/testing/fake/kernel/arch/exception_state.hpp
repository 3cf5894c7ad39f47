// Stands in for kernel/arch/exception_state.hpp.
#pragma once

#include <cstdint>

#include "kernel/arch/cpu.hpp"

namespace enclavisor::kernel::arch {

inline constexpr std::uint64_t kAlignmentCheck = 1 << 18;
inline constexpr std::uint64_t kNoFault = 1ull << 63;

inline bool fake_single_step = false, fake_x87_exception = false, fake_simd_exception = false;

inline std::uint64_t take_fault_address() {
    const std::uint64_t address = fake_cr2;
    fake_cr2 = kNoFault;
    return address;
}
inline bool take_single_step() {
    const bool step = fake_single_step;
    fake_single_step = false;
    return step;
}
inline bool x87_exception_pending() {
    return fake_x87_exception;
}
inline bool simd_exception_pending() {
    return fake_simd_exception;
}

}  // namespace enclavisor::kernel::arch
