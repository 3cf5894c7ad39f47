// What QEMU and KVM do to launch an SEV-ES or SEV-SNP guest, before its first instruction.
#pragma once

#include "abi/platform/snp_pages.hpp"
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
};

struct LaunchedGuest {
    bool snp;
    unsigned vcpus;
    std::uint32_t number;  // and ASID
    Bytes digest;          // what the secure processor measured

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
