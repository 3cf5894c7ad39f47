// Pages that the secure processor fills when an SEV-SNP guest is launched (AMD 56860).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace enclavisor::abi {

// "CPUID page": what the firmware found to be no lie about this processor.
struct CpuidEntry {
    std::uint32_t leaf, subleaf;
    std::uint64_t xcr0, xss;
    std::uint32_t eax, ebx, ecx, edx;
    std::uint64_t reserved;
};
inline constexpr std::uint32_t kMostCpuidEntries = 64;
struct CpuidPage {
    std::uint32_t count;
    std::uint32_t reserved_0;
    std::uint64_t reserved_1;
    CpuidEntry entries[kMostCpuidEntries];
    std::uint8_t reserved_2[1008];
};
static_assert(sizeof(CpuidEntry) == 48 && sizeof(CpuidPage) == 4096);

}  // namespace enclavisor::abi
