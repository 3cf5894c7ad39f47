// CPUID of an SEV-SNP guest: from the page that the secure processor checked at launch, never from the
// hypervisor (AMD 56860, "CPUID page").
#pragma once

#include <cstdint>

#include "abi/platform/snp_pages.hpp"
#include "kernel/platform/ghcb.hpp"

namespace enclavisor::kernel {

class CpuidTable {
public:
    // Why a page is none: absent for one that may be used.
    static const char* fault(const abi::CpuidPage& page);

    // A page that fault() has nothing against; stays where it is, in private memory.
    explicit CpuidTable(const abi::CpuidPage& page) : page_{page} {}

    // What CPUID answers, zeros for what the page does not list. Leaf 0xD's sizes are those of the
    // components in `xcr0` and `xss`.
    CpuidValues find(std::uint32_t leaf, std::uint32_t subleaf, std::uint64_t xcr0, std::uint64_t xss) const;

    // The C-bit's position; 0 unless the page says that this is an SEV-SNP guest with a position that
    // can be.
    unsigned c_bit() const;

private:
    const abi::CpuidEntry* entry(std::uint32_t leaf, std::uint32_t subleaf) const;
    std::uint32_t extended_state_size(std::uint64_t components, bool compacted) const;

    const abi::CpuidPage& page_;
};

}  // namespace enclavisor::kernel
