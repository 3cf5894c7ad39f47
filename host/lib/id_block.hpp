// What the owner of an SEV-SNP guest signs (56860, SNP_LAUNCH_FINISH): the launch fails if the
// digest or the policy is another, and reports carry the rest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "host/lib/snp_launch.hpp"

namespace enclavisor::host {

struct IdBlock {
    SnpDigest launch_digest{};
    std::array<std::uint8_t, 16> family_id{}, image_id{};
    std::uint32_t version = 1;
    std::uint32_t guest_svn = 0;
    std::uint64_t policy = 0;
};
static_assert(sizeof(IdBlock) == 96 && offsetof(IdBlock, version) == 0x50 &&
              offsetof(IdBlock, policy) == 0x58);
static_assert(std::has_unique_object_representations_v<IdBlock>);

// Bit 17 of a policy must be set; 16 allows SMT (56860 4.3).
inline constexpr std::uint64_t kSnpPolicyMustBeOne = 1 << 17;
inline constexpr std::uint64_t kSnpDefaultPolicy = kSnpPolicyMustBeOne | 1 << 16;

}  // namespace enclavisor::host
