// The attestation enclave's image inside the kernel's: a flat file, linked at
// kAttestBase, that begins with this header. Text, read-only data and data follow
// each other in whole pages; then come pages of zeros.
#pragma once

#include <cstdint>

namespace enclavisor::abi {

inline constexpr std::uint64_t kAttestBase = 0x40'0000;

struct AttestImage {
    std::uint64_t entry;
    std::uint64_t text_pages;
    std::uint64_t rodata_pages;
    std::uint64_t data_pages;
    std::uint64_t zero_pages;
};

}  // namespace enclavisor::abi
