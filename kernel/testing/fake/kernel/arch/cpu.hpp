// Stands in for kernel/arch/cpu.hpp when the kernel's code is compiled as an
// ordinary program: the same names, without the privileged instructions.
#pragma once

#include <cstdint>
#include <cstring>

namespace enclavisor::kernel::arch {

inline constexpr std::uint64_t kFlagInterrupt = 1 << 9;
inline constexpr std::uint64_t kFlagIoPrivilege = 3 << 12;

inline std::uint64_t fake_cr3 = 0;
inline std::uint64_t fake_cr2 = 0;
inline std::uint64_t fake_tsc = 1000;

inline std::uint64_t read_cr2() {
    return fake_cr2;
}
inline std::uint64_t read_cr3() {
    return fake_cr3;
}
inline void write_cr3(std::uint64_t value) {
    fake_cr3 = value;
}
inline void invalidate_page(std::uint64_t) {}
inline std::uint64_t read_tsc() {
    return fake_tsc++;
}
inline void pause() {}
inline void clear_page(void* page) {
    std::memset(page, 0, 4096);
}
inline void copy_page(void* to, const void* from) {
    std::memcpy(to, from, 4096);
}

}  // namespace enclavisor::kernel::arch
