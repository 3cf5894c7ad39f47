// Delivery: on the way back from a call, after a fault of the program, and when
// another thread wants the program interrupted.
#include "runtime/signals/deliver.hpp"

#include <errno.h>
#include <signal.h>

#include "runtime/processes/children.hpp"
#include "runtime/processes/end.hpp"
#include "runtime/signals/outside.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/program_memory.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"

using namespace enclavisor;
using namespace enclavisor::runtime;

extern "C" {
[[gnu::visibility("hidden")]] extern char guarded_end, guarded_copy_failed, guarded_string_failed, text_begin,
    text_end;
[[gnu::visibility("hidden")]] void continue_with_signal(abi::Registers*);
}

namespace enclavisor::runtime {
namespace {

// Of flags as MXCSR and x87's status word have them: invalid, denormal, division by zero,
// overflow, underflow, precision.
int floating_point_code(std::uint32_t raised) {
    if (raised & 1) return FPE_FLTINV;
    if (raised & 4) return FPE_FLTDIV;
    if (raised & 8) return FPE_FLTOVF;
    if (raised & 0x12) return FPE_FLTUND;
    return raised & 0x20 ? FPE_FLTRES : FPE_FLTINV;
}

// What Linux makes of an exception of the processor (arch/x86/kernel/traps.c's
// contract, signal(7) and sigaction(2)).
// `unreadable`: a file's page that could not be read.
SignalInfo signal_of(abi::Registers& r, std::uint64_t address, bool unreadable) {
    constexpr std::uint8_t kInt3 = 0xcc;  // its gate is closed to ring 3: a general protection fault
    std::uint8_t opcode;
    SignalInfo info{};
    auto set = [&](int number, int code, std::uint64_t at) {
        info.number = number;
        info.code = code;
        info.address = at;
    };
    switch (r.vector) {
        case 0:
            set(SIGFPE, FPE_INTDIV, r.rip);
            break;
        case 1:
            set(SIGTRAP, TRAP_TRACE, r.rip);
            break;
        case 3:
            set(SIGTRAP, SI_KERNEL, 0);
            break;
        case 6:
            set(SIGILL, ILL_ILLOPN, r.rip);
            break;
        case 12:
            set(SIGBUS, SI_KERNEL, 0);
            break;
        case 13:
            if (r.error != 0 && get(r.rip, opcode) && opcode == kInt3) {
                r.rip++;
                set(SIGTRAP, SI_KERNEL, 0);
            } else {
                set(SIGSEGV, SI_KERNEL, 0);
            }
            break;
        case 14:
            if (unreadable) {
                set(SIGBUS, BUS_ADRERR, address);
                break;
            }
            set(SIGSEGV, process().memory->areas().find(address) != nullptr ? SEGV_ACCERR : SEGV_MAPERR,
                address);
            break;
        case 16: {
            std::uint16_t status, control;
            asm volatile("fnstsw %0\n\tfnstcw %1" : "=m"(status), "=m"(control));
            set(SIGFPE, floating_point_code(status & ~control), r.rip);
            break;
        }
        case 17:
            set(SIGBUS, BUS_ADRALN, 0);
            break;
        case 19: {
            std::uint32_t mxcsr;
            asm volatile("stmxcsr %0" : "=m"(mxcsr));
            set(SIGFPE, floating_point_code(mxcsr & ~(mxcsr >> 7)), r.rip);
            break;
        }
        default:
            set(SIGSEGV, SI_KERNEL, 0);
            break;
    }
    return info;
}

// The two bytes of `syscall`, which the program executes again.
void make_again(abi::Registers& registers, std::uint64_t number) {
    registers.rip -= 2;
    registers.rax = number;
}

// Of a signal without a handler, that is not ignored: the process ends or stops.
void do_default(int number) {
    if (!(signal_bit(number) & kStopSignals)) exit_process(number);
    // Nobody would be there to let it go on.
    if (number != SIGSTOP && is_orphaned(process().group)) return;
    stop_process(process(), number);
    obey();
}

// A blocked or ignored fault cannot wait: the default action it is.
void deliver_fault(Thread& thread, abi::Registers& registers) {
    const abi::Registers fault = registers;
    const std::uint64_t address = thread.exception_address;
    auto touched = Memory::Touched::kNothing;
    if (fault.vector == 14) touched = process().memory->touch(address, fault.error);
    if (touched == Memory::Touched::kRead) {
        registers.vector = registers.error = 0;
        return;
    }
    const SignalInfo info = signal_of(registers, address, touched == Memory::Touched::kFailed);
    SignalAction& action = process().signals.action(info.number);
    const bool deliverable = !(thread.signals.mask() & signal_bit(info.number)) && action.handler > 1;
    std::uint64_t mask;
    if (!deliverable || !thread.signals.enter_handler(action, info, registers, address, mask)) {
        // Of the last process, the enclave's end tells more than the signal.
        if (system().processes.living() > 1 || process().channel) exit_process(info.number);
        system().finish();
        end_enclave(abi::EndReason::kFault, fault.vector, fault.error, address);
    }
    set_signal_mask(mask);
}

}  // namespace

[[noreturn]] void resume_program(const abi::Registers& registers) {
    this_thread().block->resume = registers;
    for (;;) kernel_call(abi::Call::kResume);
}

void deliver_signals(abi::Registers& registers, std::uint64_t number, bool after_handlers) {
    Thread& thread = this_thread();
    Signals& signals = process().signals;
    SignalInfo info;
    bool again = number != kNoRestart;
    if (thread.work() & kWorkOutside) {
        thread.set_work(kWorkOutside, false);
        take_signals_from_outside();
    }
    obey();
    while (thread.signals.pending().take(~thread.signals.mask(), info)) {
        process().timers.taken(info);
        if (signals.ignores(info.number)) continue;
        SignalAction& action = signals.action(info.number);
        if (action.handler == 0) {
            do_default(info.number);
            continue;
        }
        thread.sleeps_until = 0;
        if (again && after_handlers && (action.flags & SA_RESTART)) {
            make_again(registers, number);
        } else if (again) {
            registers.rax = static_cast<std::uint64_t>(-EINTR);
        }
        again = false;
        std::uint64_t mask;
        if (!thread.signals.enter_handler(action, info, registers, 0, mask)) {
            exit_process(SIGSEGV);
        }
        set_signal_mask(mask);
    }
    if (again) make_again(registers, number);
    if (thread.signals.suspended()) set_signal_mask(thread.signals.stop_suspending());
    look_at_signals(thread);
}

}  // namespace enclavisor::runtime

// After a call, if the thread's work word is not 0.
extern "C" void finish_call(abi::Registers* frame) {
    const Locked locked;
    Thread& thread = this_thread();
    const bool unless_handled = frame->rax == static_cast<std::uint64_t>(-kRestartUnlessHandled);
    const bool again = (thread.work() & kWorkRestart) &&
                       (unless_handled || frame->rax == static_cast<std::uint64_t>(-kRestart));
    thread.set_work(kWorkRestart, false);
    const std::uint64_t number = frame->vector;  // entry.S keeps it there
    frame->vector = 0;
    if (thread.work() & kWorkMissing) {
        thread.set_work(kWorkMissing, false);
        // A page of a file that nobody had touched: the call did nothing yet, and is made again.
        if (frame->rax == static_cast<std::uint64_t>(-EFAULT) &&
            process().memory->touch(thread.missing, thread.missing_error) == Memory::Touched::kRead) {
            make_again(*frame, number);
        }
    }
    deliver_signals(*frame, again ? number : kNoRestart, !unless_handled);
}

// The kernel's upcall: an exception somewhere in the enclave.
extern "C" [[noreturn]] void on_exception(abi::ThreadBlock* self) {
    abi::Registers& r = self->exception;
    const auto rip = reinterpret_cast<char*>(r.rip);
    if (rip >= &text_begin && rip < &text_end) {
        const auto copy = reinterpret_cast<char*>(&guarded_copy),
                   string = reinterpret_cast<char*>(&guarded_string);
        if (rip < copy || rip >= &guarded_end) {  // a fault of the runtime itself
            end_enclave(abi::EndReason::kFault, r.vector, r.error, self->exception_address);
        }
        if (r.vector == 14) {
            Thread& thread = this_thread();
            thread.missing = self->exception_address;
            thread.missing_error = r.error;
            thread.set_work(kWorkMissing, true);
        }
        r.rip = reinterpret_cast<std::uint64_t>(rip < string ? &guarded_copy_failed : &guarded_string_failed);
        resume_program(r);
    }
    Thread& thread = this_thread();
    thread.exception = r;
    thread.exception_address = self->exception_address;
    // On the runtime's ordinary stack and out of the upcall, where a bad stack of
    // the program is only a failed copy.
    abi::Registers next{};
    next.rip = reinterpret_cast<std::uint64_t>(&continue_with_signal);
    next.rdi = self->runtime[kWordSyscallStack];
    next.rflags = 0x202;
    resume_program(next);
}

extern "C" [[noreturn]] void deliver_exception() {
    Thread& thread = this_thread();
    abi::Registers registers = thread.exception;
    {
        const Locked locked;
        if (registers.vector == abi::kInterruptVector) {
            registers.vector = registers.error = 0;
            thread.set_work(kWorkOutside, true);
            deliver_signals(registers);
        } else {
            deliver_fault(thread, registers);
        }
    }
    resume_program(registers);
}
