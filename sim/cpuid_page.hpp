// The CPUID page of an SNP guest: the hypervisor's table, which the firmware corrects and accepts only as it
// would be.
#pragma once

#include "sim/bytes.hpp"

namespace enclavisor::sim {

struct CpuidEntry {
    std::uint32_t eax_in, ecx_in;
    std::uint64_t xcr0_in, xss_in;
    std::uint32_t eax, ebx, ecx, edx;
    std::uint64_t reserved;
};
static_assert(sizeof(CpuidEntry) == 48);
inline constexpr std::uint32_t kMostCpuidEntries = 64;

struct CpuidPage {
    std::uint32_t count, reserved0;
    std::uint64_t reserved1;
    std::array<CpuidEntry, kMostCpuidEntries> entries;
    Block<1008> rest;
};
static_assert(sizeof(CpuidPage) == 4096);

inline constexpr std::uint32_t kEncryptedBit = 51;  // the C-bit

// Whether nothing had to be changed. Precondition: `page` has 4096 bytes.
bool correct_cpuid(Bytes& page);

}  // namespace enclavisor::sim
