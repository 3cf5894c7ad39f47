// What belongs to one vCPU. GS base points here in ring 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "kernel/arch/offsets.hpp"
#include "kernel/memory/address.hpp"

namespace enclavisor::kernel {

class Thread;

// Task state segment, APM2 12.2.5: only its stacks matter in long mode.
struct [[gnu::packed]] TaskState {
    std::uint32_t reserved0;
    std::uint64_t rsp[3];
    std::uint64_t reserved1;
    std::uint64_t ist[7];
    std::uint64_t reserved2;
    std::uint16_t reserved3;
    std::uint16_t io_map_base;
};
static_assert(sizeof(TaskState) == 104);

// Interrupt stacks: the current thread's frame for all vectors but two.
inline constexpr int kStackFrame = 1, kStackDebug = 2, kStackNmi = 3, kStackSimulation = 4;
inline constexpr int kExceptionStacks = 3;
inline constexpr std::uint64_t kExceptionStackSize = 2048;

struct PerCpu {
    PerCpu* self;
    std::uint64_t frame_end;  // where the current thread's Registers end; or spare_frame does
    std::uint64_t stack_top;
    std::uint64_t scratch;
    // A `syscall` whose return address lies in [begin, begin + size) is a kernel
    // call; all others bounce. An enclave without a runtime: 0 and 2^64 - 1.
    std::uint64_t runtime_begin;
    std::uint64_t runtime_size;
    std::uint64_t syscall_entry;
    std::uint64_t block;          // the current thread's block, as the kernel sees it
    Thread* current;              // whose time it is; nullptr: nobody's
    Thread* loaded;               // whose FS, GS and XSAVE state the processor holds
    std::uint64_t loaded_since;   // TSC: up to then account() has counted its time
    std::uint64_t address_space;  // CR3
    std::uint64_t family;         // of the enclave that ran last
    std::uint64_t exception_stacks;
    std::uint32_t index, apic_id;
    bool online;
    bool requested;                        // another vCPU waits for serve_requests()
    bool halted;                           // in idle, and nobody has sent it to work yet
    std::uint64_t idle_since, idle_ticks;  // TSC; idle_since 0: it works
    bool timer_running, timer_slices;      // set; ends a slice
    std::uint64_t timer_deadline;          // TSC: the sleeper it was set for; 0: none
    // Where exits exist: the page by which the hypervisor is asked (platform/exits.hpp).
    PhysAddr ghcb;
    std::uint64_t ghcb_virt;
    std::uint64_t simulated_ghcb_msr;  // simulation/registers.hpp
    std::uint64_t gdt[9];
    TaskState task;
    // What an event in ring 0 pushes while no thread is current, down to its vector.
    alignas(16) std::uint64_t spare_frame[8];

    // Where the next event from ring 3, or injected into ring 0, leaves the registers. The
    // frame of a thread that another vCPU may run or free must not stay in use.
    void use_frame(std::uint64_t end) { frame_end = task.ist[kStackFrame - 1] = end; }
    void use_spare_frame() { use_frame(reinterpret_cast<std::uint64_t>(std::end(spare_frame))); }
};
static_assert(offsetof(PerCpu, frame_end) == PER_CPU_FRAME_END);
static_assert(offsetof(PerCpu, stack_top) == PER_CPU_STACK_TOP);
static_assert(offsetof(PerCpu, scratch) == PER_CPU_SCRATCH);
static_assert(offsetof(PerCpu, runtime_begin) == PER_CPU_RUNTIME_BEGIN);
static_assert(offsetof(PerCpu, runtime_size) == PER_CPU_RUNTIME_SIZE);
static_assert(offsetof(PerCpu, syscall_entry) == PER_CPU_SYSCALL_ENTRY);
static_assert(offsetof(PerCpu, block) == PER_CPU_BLOCK);
static_assert(offsetof(PerCpu, gdt) == PER_CPU_GDT);

inline PerCpu& this_cpu() {
    PerCpu* cpu;
    asm("movq %%gs:0, %0" : "=r"(cpu));
    return *cpu;
}

// Once per vCPU, whose stacks are set: selectors, descriptor tables, this_cpu(); then, when CPUID can be
// asked, syscall entry, control registers, XSAVE.
void enter_cpu(PerCpu& cpu);
void initialise_cpu();

// Bytes of an XSAVE area with the features that initialise_cpu enabled.
std::uint32_t xsave_size();

}  // namespace enclavisor::kernel
