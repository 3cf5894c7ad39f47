// The way out of ring 0: choosing the thread and switching to it.
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/cpus.hpp"
#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/enclave/threads.hpp"
#include "kernel/kernel.hpp"
#include "kernel/sched/idle.hpp"

extern "C" {
[[noreturn]] void return_by_interrupt(enclavisor::abi::Registers* registers);
[[noreturn]] void return_by_sysret(enclavisor::abi::Registers* registers);
}

namespace enclavisor::kernel {
namespace {

// The user's GS base is the inactive one while in ring 0.
std::uint64_t read_user_gs_base() {
    std::uint64_t base;
    asm volatile("swapgs; rdgsbase %0; swapgs" : "=r"(base)::"memory");
    return base;
}

void save_state(Thread& thread) {
    asm volatile("rdfsbase %0" : "=r"(thread.fs_base));
    thread.gs_base = read_user_gs_base();
    asm volatile("xsave64 (%0)" ::"r"(thread.xsave_area()), "a"(~0u), "d"(~0u) : "memory");
}

void load_state(Thread& thread) {
    // Selectors too: what the previous thread loaded is not for this one.
    asm volatile(
        "movl %0, %%ds; movl %0, %%es; movl %0, %%fs\n\t"
        "wrfsbase %1\n\t"
        "swapgs; movl %0, %%gs; wrgsbase %2; swapgs" ::"r"(0),
        "r"(thread.fs_base), "r"(thread.gs_base)
        : "memory");
    asm volatile("xrstor64 (%0)" ::"r"(thread.xsave_area()), "a"(~0u), "d"(~0u) : "memory");
}

// Makes `thread` the current one.
void switch_to(PerCpu& cpu, Thread& thread) {
    Enclave& enclave = *thread.enclave;
    cpu.current = &thread;
    if (cpu.family != enclave.family) {
        cpu.family = enclave.family;
        arch::forget_branches();  // they tell of another's data
    }
    if (cpu.loaded != &thread) {
        load_state(thread);
        cpu.loaded = &thread;
        cpu.loaded_since = arch::read_tsc();
    }
    cpu.use_frame(thread.frame_end());
    if constexpr (!CurrentPlatform::kDefended) cpu.task.rsp[0] = thread.frame_end();
    cpu.runtime_begin = enclave.runtime_begin;
    cpu.runtime_size = enclave.runtime_size;
    cpu.syscall_entry = enclave.syscall_entry;
    cpu.block = reinterpret_cast<std::uint64_t>(thread.block);
}

// Threads are ready that this vCPU does not take: an idle one shall, or one that
// runs without a timer shall share.
void call_for_help(PerCpu& self) {
    if (Cpus::wake_an_idle_one()) return;
    for (std::uint32_t i = 0; i < Cpus::count(); i++) {
        PerCpu& cpu = Cpus::at(i);
        if (&cpu != &self && cpu.current != nullptr && !cpu.timer_running) Cpus::send_wake(cpu);
    }
}

[[noreturn]] void resume(Kernel& kernel, Thread& thread) {
    if (thread.interrupted) deliver_interrupt(&thread);
    abi::Registers* registers = &thread.registers;
    const bool sysret = thread.sysret_suffices;
    unlock_kernel(kernel);
    if (sysret) return_by_sysret(registers);
    return_by_interrupt(registers);
}

}  // namespace

void put_away(PerCpu& cpu) {
    if (cpu.loaded == nullptr) return;
    account(cpu);
    save_state(*cpu.loaded);
    cpu.loaded = nullptr;
}

void copy_vector_state(Thread& to) {
    asm volatile("xsave64 (%0)" ::"r"(to.xsave_area()), "a"(~0u), "d"(~0u) : "memory");
}

void leave(Kernel& kernel) {
    PerCpu& cpu = this_cpu();
    if (!kernel.background.empty()) work_in_background(kernel, kBackgroundStep);
    kernel.frames.reclaim();
    if (cpu.current != nullptr && cpu.current->enclave->state != abi::EnclaveState::kRunning) {
        kernel.scheduler.make_ready(cpu.current);  // of a paused enclave: it waits there
        cpu.current = nullptr;
    }
    if (cpu.current == nullptr) {
        put_away(cpu);
        Thread* next = kernel.scheduler.pick();
        while (next == nullptr) {
            idle(kernel, cpu);
            next = kernel.scheduler.pick();
        }
        switch_to(cpu, *next);
    }
    if (wants_slices(kernel) || kernel.scheduler.anyone_timed()) set_timer(kernel, cpu, false);
    if (Cpus::count() > 1 && kernel.scheduler.anyone_ready()) call_for_help(cpu);
    // The root may have been replaced since the thread entered ring 0.
    use_address_space(cpu, Entry::cr3(cpu.current->space->tables.root()));
    resume(kernel, *cpu.current);
}

void leave_to_next(Kernel& kernel) {
    PerCpu& cpu = this_cpu();
    if (cpu.current != nullptr && kernel.scheduler.anyone_ready()) {
        Thread* before = cpu.current;
        Thread* next = kernel.scheduler.pick();
        put_away(cpu);
        kernel.scheduler.make_ready(before);  // an urgent one: right after `next`
        switch_to(cpu, *next);
    }
    leave(kernel);
}

}  // namespace enclavisor::kernel
