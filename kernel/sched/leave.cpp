// The way out of ring 0: choosing the thread, switching to it, or idling.
#include "kernel/arch/apic.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/enclave/threads.hpp"
#include "kernel/kernel.hpp"

extern "C" {
[[noreturn]] void return_by_interrupt(enclavisor::abi::Registers* registers);
[[noreturn]] void return_by_sysret(enclavisor::abi::Registers* registers);
void halt_until_interrupt();
}

namespace enclavisor::kernel {
namespace {

// Rounds of polling before an idle CPU halts: about as long as a host needs to
// send its next command.
constexpr int kIdlePolls = 2000;
// Entries that one step of freezing, or of giving memory back, looks at: a fraction of a slice.
constexpr std::uint64_t kBackgroundStep = 4096;

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
    if (cpu.loaded != &thread) {
        load_state(thread);
        cpu.loaded = &thread;
    }
    cpu.frame_end = thread.frame_end();
    cpu.task.rsp[0] = thread.frame_end();
    cpu.runtime_begin = enclave.runtime_begin;
    cpu.runtime_size = enclave.runtime_size;
    cpu.syscall_entry = enclave.syscall_entry;
    cpu.block = reinterpret_cast<std::uint64_t>(thread.block);
}

// Its root may have been replaced since the thread entered ring 0.
void load_address_space(PerCpu& cpu, const Enclave& enclave) {
    const std::uint64_t space = Entry::cr3(enclave.tables.root());
    if (cpu.address_space == space) return;
    cpu.address_space = space;
    arch::write_cr3(space);
}

std::uint64_t nanoseconds_until(Kernel& kernel, std::uint64_t deadline) {
    const std::uint64_t now = arch::read_tsc();
    if (deadline <= now) return 1;
    const std::uint64_t khz = kernel.link.tsc_khz();
    // Capped so that the product fits; an early timer is set again.
    constexpr std::uint64_t kMaxTicks = 1ull << 40;
    const std::uint64_t ticks = deadline - now < kMaxTicks ? deadline - now : kMaxTicks;
    return ticks * 1'000'000 / (khz != 0 ? khz : 1'000'000) + 1;
}

// Whether something waits for the current thread's slice to end: another thread,
// an interrupt for it, work in the background, commands beyond the round's.
bool wants_slices(Kernel& kernel) {
    const Thread* thread = this_cpu().current;
    return (thread != nullptr && thread->interrupted) || kernel.scheduler.anyone_ready() ||
           !kernel.background.empty() || kernel.control.has_backlog();
}

// The timer runs only when something depends on it: that, or a sleeper's deadline.
void set_timer(Kernel& kernel, PerCpu& cpu, bool idle) {
    const std::uint64_t deadline = kernel.scheduler.anyone_timed() ? kernel.scheduler.next_deadline() : 0;
    if (cpu.timer_running && deadline == cpu.timer_deadline) return;
    std::uint64_t nanoseconds = 0;
    if (!idle && wants_slices(kernel)) {
        nanoseconds = Scheduler::kSliceNanoseconds;
    }
    if (deadline != 0) {
        const std::uint64_t until = nanoseconds_until(kernel, deadline);
        if (nanoseconds == 0 || until < nanoseconds) nanoseconds = until;
    }
    if (nanoseconds == 0) return;
    Apic::set_timer(nanoseconds);
    cpu.timer_running = true;
    cpu.timer_deadline = deadline;
}

[[noreturn]] void resume(Kernel& kernel, Thread& thread) {
    if (thread.interrupted) deliver_interrupt(&thread);
    abi::Registers* registers = &thread.registers;
    const bool sysret = thread.sysret_suffices;
    unlock_kernel(kernel);
    if (sysret) return_by_sysret(registers);
    return_by_interrupt(registers);
}

bool idle_poll(Kernel& kernel) {
    for (int i = 0; i < kIdlePolls; i++) {
        kernel.control.refill();
        if (kernel.control.has_work(kernel)) kernel.control.poll(kernel);
        if (!kernel.background.empty()) work_in_background(kernel, kBackgroundStep);
        if (kernel.scheduler.anyone_ready()) return true;
        arch::pause();
    }
    return false;
}

// Until a thread is ready. Does not return when it halts: the interrupt starts
// afresh in on_idle_interrupt().
void idle(Kernel& kernel, PerCpu& cpu) {
    cpu.current = nullptr;
    kernel.link.set_guest_waits(false);
    while (!idle_poll(kernel)) {
        kernel.link.set_guest_waits(true);
        wake_for_io(kernel);
        if (kernel.control.has_work(kernel) || !kernel.background.empty() ||
            kernel.scheduler.anyone_ready()) {
            kernel.link.set_guest_waits(false);
            continue;
        }
        set_timer(kernel, cpu, true);
        unlock_kernel(kernel);
        halt_until_interrupt();
        lock_kernel();
    }
    kernel.link.set_guest_waits(true);
    // A host that looked before this rang no doorbell: look once more.
    kernel.control.poll(kernel);
}

}  // namespace

void put_away(PerCpu& cpu) {
    if (cpu.loaded == nullptr) return;
    save_state(*cpu.loaded);
    cpu.loaded = nullptr;
}

void leave(Kernel& kernel) {
    PerCpu& cpu = this_cpu();
    if (!kernel.background.empty()) work_in_background(kernel, kBackgroundStep);
    if (cpu.current == nullptr) {
        put_away(cpu);
        Thread* next = kernel.scheduler.pick();
        while (next == nullptr) {
            idle(kernel, cpu);
            next = kernel.scheduler.pick();
        }
        switch_to(cpu, *next);
    }
    if (wants_slices(kernel) || kernel.scheduler.anyone_timed()) {
        set_timer(kernel, cpu, false);
    }
    load_address_space(cpu, *cpu.current->enclave);
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
