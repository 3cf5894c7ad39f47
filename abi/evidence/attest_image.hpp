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

// SEV-SNP: a page for the attestation enclave alone, with the key under which it talks to the secure
// processor (attest/guest_messages.hpp). Elsewhere nothing is there.
inline constexpr std::uint64_t kAttestKey = 0x5000'0000;
// And a page for one such message, which Call::kGuestRequest carries.
inline constexpr std::uint64_t kAttestMessage = 0x5000'1000;
struct PlatformKey {
    std::uint8_t key[32];
    std::uint64_t number;  // which VMPCK
};

}  // namespace enclavisor::abi
