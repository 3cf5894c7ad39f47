// What the owner of an SEV or SEV-ES guest does with the keys of the session (55766 6.5, 6.6;
// docs/measurement.md, "The VM").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "host/lib/error.hpp"

namespace enclavisor::host {

// Transport keys: for integrity and for encryption.
struct SevOwner {
    std::array<std::byte, 16> tik, tek;
};

using SevMac = std::array<std::byte, 32>;

struct SevMeasured {
    std::uint8_t api_major, api_minor, build;
    std::uint32_t policy;
    std::span<const std::byte> digest;  // 32 bytes
    std::array<std::byte, 16> nonce;
};
// Whether firmware with the owner's keys measured this.
bool is_measurement(const SevOwner& owner, const SevMeasured& measured, const SevMac& measurement);

struct SealedSecret {
    std::array<std::byte, 52> header;
    std::vector<std::byte> bytes;
};
// For the guest with this measurement alone. `secret` has a multiple of 16 bytes; `iv` is used once.
SealedSecret seal_secret(const SevOwner& owner, std::span<const std::byte> secret, const SevMac& measurement,
                         const std::array<std::byte, 16>& iv);
Result<std::array<std::byte, 16>> random_iv();

}  // namespace enclavisor::host
