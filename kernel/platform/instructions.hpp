// What a processor with SEV-ES or SEV-SNP offers beside APM2's other instructions (APM2 15.35, 15.36).
// In a simulation they are undefined, and its handler carries them to the model; the registers that
// a processor without SEV has not are the simulation's.
#pragma once

#include "kernel/arch/cpu.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/platform/accepted.hpp"
#include "kernel/platform/ghcb.hpp"
#include "kernel/platform/platform.hpp"

#ifdef ENCLAVISOR_SIMULATION
#include "kernel/simulation/registers.hpp"
#endif

namespace enclavisor::kernel::arch {

#ifdef ENCLAVISOR_SIMULATION
using simulation::guest_tsc_frequency;
using simulation::read_ghcb_msr;
using simulation::sev_status;
using simulation::write_ghcb_msr;
#else
inline std::uint64_t sev_status() {
    return read_msr(static_cast<Msr>(abi::kSevStatusMsr));
}
inline std::uint64_t guest_tsc_frequency() {
    return read_msr(static_cast<Msr>(abi::kGuestTscFrequencyMsr));
}
inline std::uint64_t read_ghcb_msr() {
    return read_msr(static_cast<Msr>(abi::kGhcbMsr));
}
inline void write_ghcb_msr(std::uint64_t value) {
    write_msr(static_cast<Msr>(abi::kGhcbMsr), value);
}
#endif

inline void vmgexit() {
    asm volatile("vmgexit" ::: "memory");
}
inline constexpr GhcbInstructions kGhcbInstructions{write_ghcb_msr, read_ghcb_msr, vmgexit};

inline PvalidateResult pvalidate(PhysAddr page, bool large, bool validate) {
    PvalidateResult result;
    asm volatile("pvalidate"
                 : "=a"(result.code), "=@ccc"(result.unchanged)
                 : "a"(direct<void>(page)), "c"(std::uint32_t{large}), "d"(std::uint32_t{validate})
                 : "memory");
    return result;
}

// Makes a page the state of a vCPU. The result is PVALIDATE's.
inline std::uint32_t make_vmsa(PhysAddr page) {
    constexpr std::uint64_t kVmsa = 1 << 16, kLowerLevel = 1;
    std::uint64_t result = reinterpret_cast<std::uint64_t>(direct<void>(page));
    asm volatile("rmpadjust" : "+a"(result) : "c"(0), "d"(kVmsa | kLowerLevel) : "memory", "cc");
    return static_cast<std::uint32_t>(result);
}

}  // namespace enclavisor::kernel::arch
