// What the processor can be made to do more for an SEV-ES or SEV-SNP guest. It is part of the state in which
// vCPUs begin, and so of the launch digest.
#pragma once

#include <cstdint>
#include <string>

#include "abi/platform/vmsa.hpp"
#include "host/lib/error.hpp"
#include "host/lib/platform.hpp"

namespace enclavisor::host {

struct SevFeature {
    const char* name;   // the word, and the property of QEMU's object
    std::uint64_t bit;  // of SEV_FEATURES
    bool for_es;        // else of SEV-SNP alone
};
// The one list of those that can be required.
inline constexpr SevFeature kSevFeatureWords[] = {
    {"debug-swap", abi::kSevFeatureDebugSwap, true},
    {"secure-tsc", abi::kSevFeatureSecureTsc, false},
};

// Bits of SEV_FEATURES that "WORD,WORD" stands for, those of the platform's own left out. An error if there
// is no such word, or `platform` has not what it means.
Result<std::uint64_t> parse_required_features(const std::string& words, Platform platform);

// SEV_FEATURES of a guest.
std::uint64_t sev_features(Platform platform, std::uint64_t required);

}  // namespace enclavisor::host
