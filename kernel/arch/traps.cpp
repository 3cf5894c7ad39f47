// Exceptions and interrupts. Only the timer, the doorbell and page faults on
// reserved pages do anything; other vectors below 32 are the enclave's own fault if it
// can have raised them, everything else is the hypervisor's noise.
#include "kernel/arch/apic.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/cpus.hpp"
#include "kernel/arch/exception_state.hpp"
#include "kernel/arch/explained.hpp"
#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/arch/vmm_communication.hpp"
#include "kernel/boundary/doorbell.hpp"
#include "kernel/enclave/threads.hpp"
#include "kernel/kernel.hpp"
#include "kernel/log.hpp"
#include "kernel/panic.hpp"
#include "kernel/platform/platform.hpp"
#include "kernel/platform/vc.hpp"
#include "kernel/sched/idle.hpp"

namespace enclavisor::kernel {
namespace {

constexpr std::uint64_t kPageFault = 14;
constexpr std::uint64_t kDoubleFault = 8;
constexpr std::uint64_t kMachineCheck = 18;

// Page-fault error code, APM2 8.4.2.
constexpr std::uint64_t kFaultPresent = 1 << 0;
constexpr std::uint64_t kFaultWrite = 1 << 1;
constexpr std::uint64_t kFaultUser = 1 << 2;
constexpr std::uint64_t kFaultReserved = 1 << 3;
constexpr std::uint64_t kFaultFetch = 1 << 4;

// The hypervisor may send an interrupt with an exception's vector; the local APIC knows.
bool is_interrupt(std::uint64_t vector) {
    return vector >= 32 || (vector >= 16 && Apic::in_service(vector));
}

// Carries out an interrupt. True if the current thread should let others run.
bool serve_interrupt(Kernel& kernel, std::uint64_t vector) {
    switch (vector) {
        case kTimerVector:
            Apic::end_of_interrupt();
            this_cpu().timer_running = false;
            kernel.scheduler.wake_expired(arch::read_tsc());
            if (kernel.control.has_backlog()) {
                kernel.control.refill();
                kernel.control.poll(kernel);
            }
            return true;
        case kDoorbellVector:
            Apic::end_of_interrupt();
            if (!kernel.control.has_backlog()) kernel.control.refill();
            kernel.control.poll(kernel);
            wake_for_io(kernel);
            // What the host answered or asked is served before a computation goes on.
            return true;
        case kWakeVector:
            Apic::end_of_interrupt();
            return false;
        default:
            // The hypervisor's own. Also the spurious vector is ended: sent as an
            // ordinary interrupt it would stay in service and block all others.
            kernel.ignored_interrupts++;
            Apic::end_of_interrupt();
            return false;
    }
}

// Hands an exception to the enclave's own handler, if it has one and is not in
// it already; ends the enclave otherwise.
void deliver(Kernel& kernel, Thread* thread, std::uint64_t address) {
    abi::Registers& r = thread->registers;
    Enclave& enclave = *thread->enclave;
    // A machine check or double fault in ring 3 is broken hardware or the
    // hypervisor's invention: nothing that a handler could repair.
    const bool fatal = r.vector == kMachineCheck || r.vector == kDoubleFault;
    if (enclave.exception_entry == 0 || thread->in_upcall || fatal) {
        end_enclave(kernel, enclave,
                    {.reason = abi::EndReason::kFault,
                     .code = r.vector,
                     .detail = r.error,
                     .address = address,
                     .rip = r.rip});
        return;
    }
    upcall(thread, r.vector, r.error, address);
}

void serve_page_fault(Kernel& kernel, Thread* thread) {
    const abi::Registers& r = thread->registers;
    const std::uint64_t address = CurrentPlatform::kDefended ? arch::take_fault_address() : arch::read_cr2();
    if (address == arch::kNoFault) {
        kernel.ignored_interrupts++;
        return;
    }
    Enclave& enclave = *thread->enclave;
    FaultOutcome outcome = FaultOutcome::kViolation;
    // A supervisor's access from ring 3 to a page that is there: SMAP's refusal of
    // what an instruction such as IRET does on the enclave's behalf (seen under
    // QEMU's TCG). Repeating it would repeat the fault.
    const bool refused = (r.error & kFaultPresent) && !(r.error & kFaultUser);
    if (address < abi::kEnclaveEnd && !(r.error & kFaultReserved) && !refused) {
        const Access access = r.error & kFaultFetch   ? Access::kExecute
                              : r.error & kFaultWrite ? Access::kWrite
                                                      : Access::kRead;
        outcome = touch(*thread->space, VirtAddr{address}, access);
    }
    switch (outcome) {
        case FaultOutcome::kResolved:
            return;
        case FaultOutcome::kViolation:
            deliver(kernel, thread, address);
            return;
        case FaultOutcome::kNoMemory:
            end_enclave(
                kernel, enclave,
                {.reason = enclave.limit_hit ? abi::EndReason::kMemoryLimit : abi::EndReason::kOutOfMemory,
                 .code = enclave.used,
                 .address = address,
                 .rip = r.rip});
            return;
    }
}

}  // namespace

extern "C" [[noreturn]] void on_trap(abi::Registers* registers) {
    const std::uint64_t vector = registers->vector;
    Kernel& kernel = lock_kernel();
    Thread* thread = this_cpu().current;
    if (thread == nullptr) {
        // Another vCPU ended its enclave meanwhile; `registers` may be anybody's now.
        if (is_interrupt(vector)) serve_interrupt(kernel, vector);
        leave(kernel);
    }
    thread->sysret_suffices = false;
    if (vector == kPageFault) {
        serve_page_fault(kernel, thread);
        leave(kernel);
    }
    if (is_interrupt(vector)) {
        if (serve_interrupt(kernel, vector)) leave_to_next(kernel);
        leave(kernel);
    }
    if constexpr (CurrentPlatform::kHasExits) {
        if (vector == kVmmCommunication) {
            const VcOutcome outcome = serve_vmm_communication(*thread);
            if (outcome == VcOutcome::kRaised) deliver(kernel, thread, 0);
            if (outcome != VcOutcome::kClaimed) leave(kernel);
        }
    }
    if (CurrentPlatform::kDefended && !is_explained(*thread)) {
        kernel.ignored_interrupts++;
    } else {
        deliver(kernel, thread, 0);
    }
    leave(kernel);
}

// What the stub pushed and the processor before it, in the kernel.
struct KernelTrap {
    std::uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

extern "C" [[noreturn]] void on_kernel_trap(const KernelTrap* trap) {
    log_line("vector ", trap->vector, " error ", trap->error);
    log_line("rip ", trap->rip, " address ", arch::read_cr2());
    panic(trap->vector < 32 ? "an exception in the kernel: its own bug, or injected by the hypervisor"
                            : "an interrupt in the kernel, where they are off: injected by the hypervisor");
}

// In the halt of the idle loop.
extern "C" [[noreturn]] void on_idle_trap(const KernelTrap* trap) {
    const std::uint64_t vector = trap->vector;
    if (!is_interrupt(vector)) on_kernel_trap(trap);
    Kernel& kernel = lock_kernel();
    leave_idle(this_cpu());
    serve_interrupt(kernel, vector);
    leave(kernel);
}

}  // namespace enclavisor::kernel
