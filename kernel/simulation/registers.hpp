// Registers that a processor without SEV has not. Simulation builds alone.
#pragma once

#include <cstdint>

#include "kernel/arch/per_cpu.hpp"
#include "kernel/platform/platform.hpp"

namespace enclavisor::kernel::simulation {

std::uint64_t sev_status();
std::uint64_t guest_tsc_frequency();
inline std::uint64_t read_ghcb_msr() {
    return this_cpu().simulated_ghcb_msr;
}
inline void write_ghcb_msr(std::uint64_t value) {
    this_cpu().simulated_ghcb_msr = value;
}

}  // namespace enclavisor::kernel::simulation
