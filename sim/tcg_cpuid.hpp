// The processor of the simulations: QEMU's of TCG, with what CPUID says of SEV beside it.
#pragma once

#include <span>

#include "abi/platform/snp_pages.hpp"

namespace enclavisor::sim {

// By leaf, then subleaf; what is not listed is zeros.
std::span<const abi::CpuidEntry> tcg_cpuid();

// The page that a hypervisor proposes to the secure processor.
abi::CpuidPage cpuid_page();

}  // namespace enclavisor::sim
