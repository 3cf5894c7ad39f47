// What QEMU and KVM do to launch an SEV-ES or SEV-SNP guest, before its first instruction.
#pragma once

#include "abi/platform/sim_request.hpp"
#include "abi/platform/snp_pages.hpp"
#include "abi/platform/vmsa.hpp"
#include "host/lib/firmware.hpp"
#include "host/lib/platform.hpp"
#include "sim/guest_ram.hpp"
#include "sim/processor.hpp"

namespace enclavisor::sim {

struct LaunchOptions {
    bool snp = true;
    unsigned vcpus = 1;
    std::uint32_t signature = 0;  // CPUID 1 EAX
    abi::CpuidPage cpuid{};       // SNP: as it is proposed
    std::uint64_t features = 0;   // of SEV_FEATURES, beside SNP's own
    std::uint32_t tsc_khz = 0;    // SNP: of a secure TSC, as it is wished; 0: the platform's

    std::uint64_t all_features() const { return features | (snp ? abi::kSevFeatureSnp : 0); }
};

struct LaunchedGuest {
    bool snp;
    unsigned vcpus;
    std::uint32_t number;    // and ASID
    Bytes digest;            // what the secure processor measured
    std::uint64_t features;  // SEV_FEATURES
    std::uint32_t tsc_khz;   // of a secure TSC

    // What the processor then tells the guest.
    abi::SimProcessor processor() const;

    // Where a guest's page is in the machine: far from other guests' of the same processor.
    std::uint64_t system_address(std::uint64_t guest_address) const {
        return std::uint64_t{number} << 41 | guest_address;
    }
};

// What the guest finds is in its private memory afterwards.
host::Result<LaunchedGuest> launch(Processor& processor, GuestRam& ram, const host::Firmware& firmware,
                                   const LaunchOptions& options);

// When the guest is gone: its place among the secure processor's guests is free again.
void decommission(Processor& processor, const LaunchedGuest& guest);

}  // namespace enclavisor::sim
