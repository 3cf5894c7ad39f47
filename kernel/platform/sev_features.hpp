// What was turned on for an SEV-ES or SEV-SNP guest when it was launched (SEV_FEATURES), as the processor
// tells it in SEV_STATUS (APM2 15.34.10), whatever the hypervisor says.
#pragma once

#include <cstdint>

#include "abi/platform/vmsa.hpp"
#include "kernel/platform/ghcb.hpp"

namespace enclavisor::kernel {

// Refuses what changes how a guest must behave, unless this kernel behaves so; and every unknown feature.
// `snp`: of an SEV-SNP guest, else of SEV-ES.
GhcbRefusal judge_status(std::uint64_t status, bool snp);

inline bool has_secure_tsc(std::uint64_t status) {
    return (status >> abi::kSevStatusFeatures & abi::kSevFeatureSecureTsc) != 0;
}

// The mean frequency of a secure TSC in kHz, from the processor's register (nominal, MHz) and the secrets
// page's factor; 0 if it cannot be (AMD 56860, "Secrets page"; APM2 15.36.18).
std::uint64_t secure_tsc_khz(std::uint64_t frequency, std::uint32_t factor);

}  // namespace enclavisor::kernel
