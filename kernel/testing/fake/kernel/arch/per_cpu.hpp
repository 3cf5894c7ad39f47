// Stands in for kernel/arch/per_cpu.hpp: one vCPU, an ordinary object.
#pragma once

#include <cstdint>

namespace enclavisor::kernel {

class Thread;

struct PerCpu {
    Thread* current = nullptr;
    Thread* loaded = nullptr;
    std::uint64_t loaded_since = 0;
    std::uint64_t address_space = 0;
    std::uint64_t idle_since = 0, idle_ticks = 0;
    std::uint32_t index = 0;
    bool timer_running = false, halted = false;
};

inline PerCpu fake_cpu;
inline PerCpu& this_cpu() {
    return fake_cpu;
}

inline std::uint32_t xsave_size() {
    return 832;
}

}  // namespace enclavisor::kernel
