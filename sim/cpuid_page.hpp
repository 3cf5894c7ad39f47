// The CPUID page of an SNP guest: the hypervisor's table, which the firmware corrects and accepts only as it
// would be.
#pragma once

#include "abi/platform/snp_pages.hpp"
#include "sim/bytes.hpp"

namespace enclavisor::sim {

inline constexpr std::uint32_t kEncryptedBit = 51;  // the C-bit

// Whether nothing had to be changed. Precondition: `page` has 4096 bytes.
bool correct_cpuid(Bytes& page);

}  // namespace enclavisor::sim
