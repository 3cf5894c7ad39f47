#include "kernel/sched/idle.hpp"

#include "kernel/arch/apic.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/kernel.hpp"

extern "C" void halt_until_interrupt();

namespace enclavisor::kernel {
namespace {

// Rounds of polling before an idle CPU halts: about as long as a host needs to
// send its next command.
constexpr int kIdlePolls = 2000;

std::uint64_t nanoseconds_until(Kernel& kernel, std::uint64_t deadline) {
    const std::uint64_t now = arch::read_tsc();
    if (deadline <= now) return 1;
    const std::uint64_t khz = kernel.tsc_khz();
    // Capped so that the product fits; an early timer is set again.
    constexpr std::uint64_t kMaxTicks = 1ull << 40;
    const std::uint64_t ticks = deadline - now < kMaxTicks ? deadline - now : kMaxTicks;
    return ticks * 1'000'000 / (khz != 0 ? khz : 1'000'000) + 1;
}

void begin_idle(PerCpu& cpu) {
    cpu.idle_since = arch::read_tsc();
}

// What an idle vCPU does for others counts as work.
void work(Kernel& kernel, PerCpu& cpu) {
    kernel.control.refill();
    if (!kernel.control.has_work() && kernel.background.empty()) return;
    leave_idle(cpu);
    kernel.control.poll(kernel);
    if (!kernel.background.empty()) work_in_background(kernel, kBackgroundStep);
    kernel.frames.reclaim();
    begin_idle(cpu);
}

// Looks for work without the lock. One vCPU does so; the others halt.
bool poll(Kernel& kernel, PerCpu& cpu) {
    if (kernel.poller != nullptr) return kernel.scheduler.anyone_ready();
    kernel.poller = &cpu;
    kernel.link.set_guest_waits(false);
    bool found = false;
    for (int i = 0; i < kIdlePolls;) {
        work(kernel, cpu);
        wake_for_io(kernel);
        found = kernel.scheduler.anyone_ready();
        if (found) break;
        if (kernel.background.empty()) i++;
        unlock_kernel(kernel);
        arch::pause();
        lock_kernel();
    }
    kernel.poller = nullptr;
    kernel.link.set_guest_waits(true);
    return found;
}

}  // namespace

bool wants_slices(Kernel& kernel) {
    const Thread* thread = this_cpu().current;
    return (thread != nullptr && thread->interrupted) || kernel.scheduler.anyone_ready() ||
           !kernel.background.empty() || kernel.control.has_backlog();
}

void set_timer(Kernel& kernel, PerCpu& cpu, bool idle) {
    const std::uint64_t deadline = kernel.scheduler.next_deadline();
    const bool slices = !idle && wants_slices(kernel);
    if (cpu.timer_running && deadline == cpu.timer_deadline && (cpu.timer_slices || !slices)) return;
    std::uint64_t nanoseconds = slices ? Scheduler::kSliceNanoseconds : 0;
    if (deadline != 0) {
        const std::uint64_t until = nanoseconds_until(kernel, deadline);
        if (nanoseconds == 0 || until < nanoseconds) nanoseconds = until;
    }
    if (nanoseconds == 0) return;
    Apic::set_timer(nanoseconds);
    cpu.timer_running = true;
    cpu.timer_slices = slices;
    cpu.timer_deadline = deadline;
}

void idle(Kernel& kernel, PerCpu& cpu) {
    cpu.current = nullptr;
    cpu.use_spare_frame();
    begin_idle(cpu);
    // It must not be asked to flush what it does not use.
    use_address_space(cpu, kernel_cr3());
    while (!poll(kernel, cpu)) {
        // A host that looked before guest_waits was set rang no doorbell: look once more.
        wake_for_io(kernel);
        work(kernel, cpu);
        if (kernel.control.has_work() || !kernel.background.empty() || kernel.scheduler.anyone_ready())
            continue;
        set_timer(kernel, cpu, true);
        cpu.halted = true;
        unlock_kernel(kernel);
        halt_until_interrupt();
        lock_kernel();
        cpu.halted = false;
    }
    leave_idle(cpu);
    kernel.control.poll(kernel);
}

void leave_idle(PerCpu& cpu) {
    cpu.halted = false;
    if (cpu.idle_since == 0) return;
    cpu.idle_ticks += arch::read_tsc() - cpu.idle_since;
    cpu.idle_since = 0;
}

}  // namespace enclavisor::kernel
