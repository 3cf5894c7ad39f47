// Privileged instructions and registers of the processor, by their names in
// AMD64 Architecture Programmer's Manual, volume 2 (APM2).
#pragma once

#include <cstdint>

namespace enclavisor::kernel::arch {

enum class Msr : std::uint32_t {
    kPredictionCommand = 0x49,
    kEfer = 0xc0000080,
    kStar = 0xc0000081,
    kLstar = 0xc0000082,
    kSfmask = 0xc0000084,
    kGsBase = 0xc0000101,
    kKernelGsBase = 0xc0000102,
};

// EFER, APM2 3.1.7
inline constexpr std::uint64_t kEferSyscall = 1 << 0;
inline constexpr std::uint64_t kEferNoExecute = 1 << 11;

// CR0, CR4, APM2 3.1.1 and 3.1.3
inline constexpr std::uint64_t kCr0MonitorCoprocessor = 1 << 1;
inline constexpr std::uint64_t kCr0Emulation = 1 << 2;
inline constexpr std::uint64_t kCr0TaskSwitched = 1 << 3;
inline constexpr std::uint64_t kCr0NumericError = 1 << 5;
inline constexpr std::uint64_t kCr0WriteProtect = 1 << 16;
inline constexpr std::uint64_t kCr0AlignmentMask = 1 << 18;
inline constexpr std::uint64_t kCr0CacheDisable = 1 << 30;
inline constexpr std::uint64_t kCr0NotWriteThrough = 1 << 29;
inline constexpr std::uint64_t kCr4FxsaveFxrstor = 1 << 9;
inline constexpr std::uint64_t kCr4SimdExceptions = 1 << 10;
inline constexpr std::uint64_t kCr4Umip = 1 << 11;
inline constexpr std::uint64_t kCr4FsGsBase = 1 << 16;
inline constexpr std::uint64_t kCr4Xsave = 1 << 18;
inline constexpr std::uint64_t kCr4Smep = 1 << 20;
inline constexpr std::uint64_t kCr4Smap = 1 << 21;

// RFLAGS, APM2 3.1.6
inline constexpr std::uint64_t kFlagTrap = 1 << 8;
inline constexpr std::uint64_t kFlagInterrupt = 1 << 9;
inline constexpr std::uint64_t kFlagDirection = 1 << 10;
inline constexpr std::uint64_t kFlagIoPrivilege = 3 << 12;
inline constexpr std::uint64_t kFlagNestedTask = 1 << 14;
inline constexpr std::uint64_t kFlagAlignmentCheck = 1 << 18;

inline std::uint64_t read_msr(Msr msr) {
    std::uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return std::uint64_t{high} << 32 | low;
}
inline void write_msr(Msr msr, std::uint64_t value) {
    asm volatile("wrmsr" ::"c"(msr), "a"(std::uint32_t(value)), "d"(std::uint32_t(value >> 32)) : "memory");
}

// Indirect branch prediction barrier (CPUID 0x80000008 EBX 12; Intel: 7 EDX 26).
inline bool has_branch_barrier = false;
inline void forget_branches() {
    if (has_branch_barrier) write_msr(Msr::kPredictionCommand, 1);
}

inline std::uint64_t read_cr0() {
    std::uint64_t value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}
inline void write_cr0(std::uint64_t value) {
    asm volatile("mov %0, %%cr0" ::"r"(value) : "memory");
}
inline std::uint64_t read_cr2() {
    std::uint64_t value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}
inline std::uint64_t read_cr3() {
    std::uint64_t value;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}
inline void write_cr3(std::uint64_t value) {
    asm volatile("mov %0, %%cr3" ::"r"(value) : "memory");
}
inline std::uint64_t read_cr4() {
    std::uint64_t value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
inline void write_cr4(std::uint64_t value) {
    asm volatile("mov %0, %%cr4" ::"r"(value) : "memory");
}
inline void invalidate_page(std::uint64_t address) {
    asm volatile("invlpg (%0)" ::"r"(address) : "memory");
}

struct Cpuid {
    std::uint32_t eax, ebx, ecx, edx;
};
inline Cpuid cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
    Cpuid r;
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

inline std::uint64_t read_xcr0() {
    std::uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return std::uint64_t{high} << 32 | low;
}

inline std::uint64_t read_tsc() {
    std::uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return std::uint64_t{high} << 32 | low;
}

inline void out8(std::uint16_t port, std::uint8_t value) {
    asm volatile("outb %0, %1" ::"a"(value), "d"(port));
}
inline std::uint8_t in8(std::uint16_t port) {
    std::uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "d"(port));
    return value;
}
inline void out32(std::uint16_t port, std::uint32_t value) {
    asm volatile("outl %0, %1" ::"a"(value), "d"(port));
}
inline std::uint32_t in32(std::uint16_t port) {
    std::uint32_t value;
    asm volatile("inl %1, %0" : "=a"(value) : "d"(port));
    return value;
}

inline void pause() {
    asm volatile("pause" ::: "memory");
}
[[noreturn]] inline void stop_forever() {
    for (;;) asm volatile("cli; hlt" ::: "memory");
}

// 4096 bytes at a time; `movsq` and `stosq` are the fast forms under TCG.
inline void clear_page(void* page) {
    std::uint64_t count = 512;
    asm volatile("rep stosq" : "+D"(page), "+c"(count) : "a"(0ull) : "memory");
}
inline void copy_page(void* to, const void* from) {
    std::uint64_t count = 512;
    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count)::"memory");
}

}  // namespace enclavisor::kernel::arch
