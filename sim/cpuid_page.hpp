// The CPUID page of an SNP guest: the hypervisor's table, which the firmware corrects and accepts only as it
// would be.
#pragma once

#include "abi/platform/snp_pages.hpp"
#include "sim/bytes.hpp"

namespace enclavisor::sim {

// The C-bit of processors. A page may also name the simulations' (abi/platform/layout.hpp): what their
// machine is, the model does not see.
inline constexpr std::uint32_t kEncryptedBit = 51;

// Whether nothing had to be changed. Precondition: `page` has 4096 bytes.
bool correct_cpuid(Bytes& page);

}  // namespace enclavisor::sim
