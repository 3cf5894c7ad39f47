// All vCPUs, and what one asks of another.
#pragma once

#include <cstdint>

#include "kernel/arch/per_cpu.hpp"
#include "kernel/memory/frames.hpp"

namespace enclavisor::kernel {

struct Enclave;

inline constexpr std::uint32_t kMaxCpus = 16;

// An interrupt that only makes its vCPU look around: what it is for stands in
// memory. Sent by a hypervisor it is noise.
inline constexpr std::uint8_t kWakeVector = 0x42;

class Cpus {
public:
    // The boot processor, with its stacks.
    static void add_boot_cpu(PerCpu& cpu);
    // Starts the others, of which the host claims `count` in all; those that do not
    // come up are left out. Each goes on in start_on_cpu(). Their memory is mapped in
    // the kernel's half, which must not have been shared yet.
    static void start_others(FrameAllocator& frames, std::uint32_t count);

    static std::uint32_t count() { return count_; }
    static PerCpu& at(std::uint32_t index) { return *all_[index]; }

    static void send_wake(PerCpu& cpu);
    // One that halts in idle is sent to work. False: none does.
    static bool wake_an_idle_one();

private:
    static inline PerCpu* all_[kMaxCpus] = {};
    static inline std::uint32_t count_ = 0;
};

// Where a started vCPU goes on, on its own stack, with interrupts off.
[[noreturn]] void start_on_cpu(PerCpu& cpu);

}  // namespace enclavisor::kernel
