// The vCPUs of an SEV-ES or SEV-SNP guest as QEMU and KVM start them.
#pragma once

#include <cstdint>
#include <string>

#include "abi/platform/vmsa.hpp"
#include "host/lib/error.hpp"

namespace enclavisor::host {

// CPUID 1 EAX of a processor that QEMU models, by its name ("EPYC-Milan", "EPYC-v4"), or
// written as a number with 0x.
Result<std::uint32_t> cpu_signature(const std::string& model);

struct VcpuState {
    std::uint32_t signature;     // CPUID 1 EAX
    std::uint64_t sev_features;  // SEV-ES: 0
    // KVM's older type of VM, of QEMU before 9.1 and kernels before 6.10 (SEV-ES only): the
    // floating-point registers are not there yet.
    bool legacy_vm_type = false;
};

inline constexpr std::uint32_t kFirstVcpuReset = 0xffff'fff0;

// `reset`: bits 31:16 the base of CS, 15:0 IP.
abi::Vmsa initial_vmsa(std::uint32_t reset, const VcpuState& state);

}  // namespace enclavisor::host
