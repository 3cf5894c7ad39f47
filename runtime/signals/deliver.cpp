// Delivery: on the way back from a call, and after a fault of the program.
#include "runtime/signals/deliver.hpp"

#include <signal.h>
#include <sys/mman.h>

#include "runtime/process.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/program_memory.hpp"

using namespace enclavisor;
using namespace enclavisor::runtime;

extern "C" {
[[gnu::visibility("hidden")]] extern char guarded_end, guarded_copy_failed, guarded_string_failed, text_begin,
    text_end;
[[gnu::visibility("hidden")]] void continue_with_signal(abi::Registers*);
}

namespace enclavisor::runtime {
namespace {

abi::ThreadBlock& block() {
    abi::ThreadBlock* self;
    asm("movq %%gs:8, %0" : "=r"(self));
    return *self;
}

[[noreturn]] void die_of(const SignalInfo& info) {
    process().finish();
    end_enclave(abi::EndReason::kSignal, static_cast<std::uint64_t>(info.number));
}

// What Linux makes of an exception of the processor (arch/x86/kernel/traps.c's
// contract, signal(7) and sigaction(2)).
SignalInfo signal_of(abi::Registers& r, std::uint64_t address) {
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
            set(SIGSEGV, process().memory.areas().find(address) != nullptr ? SEGV_ACCERR : SEGV_MAPERR,
                address);
            break;
        case 16:
            set(SIGFPE, FPE_FLTINV, r.rip);
            break;
        case 17:
            set(SIGBUS, BUS_ADRALN, 0);
            break;
        case 19: {
            std::uint32_t mxcsr;
            asm volatile("stmxcsr %0" : "=m"(mxcsr));
            const std::uint32_t raised = mxcsr & ~(mxcsr >> 7) & 0x3f;
            set(SIGFPE,
                raised & 4    ? FPE_FLTDIV
                : raised & 8  ? FPE_FLTOVF
                : raised & 16 ? FPE_FLTUND
                : raised & 32 ? FPE_FLTRES
                              : FPE_FLTINV,
                r.rip);
            break;
        }
        default:
            set(SIGSEGV, SI_KERNEL, 0);
            break;
    }
    return info;
}

abi::Registers faulted;
std::uint64_t fault_address;

}  // namespace

[[noreturn]] void resume_program(const abi::Registers& registers) {
    block().resume = registers;
    for (;;) kernel_call(abi::Call::kResume);
}

}  // namespace enclavisor::runtime

extern "C" void deliver_pending_signals(abi::Registers* frame) {
    Signals& signals = process().signals;
    SignalInfo info;
    while (signals.take(info)) {
        if (signals.ignores(info.number)) continue;
        if (signals.action(info.number).handler == 0) die_of(info);
        if (!signals.enter_handler(info, *frame, 0, 0, 0)) {
            info.number = SIGSEGV;
            die_of(info);
        }
    }
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
        r.rip = reinterpret_cast<std::uint64_t>(rip < string ? &guarded_copy_failed : &guarded_string_failed);
        resume_program(r);
    }
    faulted = r;
    fault_address = self->exception_address;
    // On the runtime's ordinary stack and out of the upcall, where a bad stack of
    // the program is only a failed copy.
    abi::Registers next{};
    next.rip = reinterpret_cast<std::uint64_t>(&continue_with_signal);
    next.rdi = self->runtime[1];
    next.rflags = 0x202;
    resume_program(next);
}

extern "C" [[noreturn]] void deliver_fault_signal() {
    Signals& signals = process().signals;
    abi::Registers registers = faulted;
    const std::uint64_t vector = registers.vector, error = registers.error;
    const SignalInfo info = signal_of(registers, fault_address);
    // A blocked or ignored fault cannot wait: the default action it is.
    const bool deliverable =
        !(signals.mask() & signal_bit(info.number)) && signals.action(info.number).handler > 1;
    if (!deliverable || !signals.enter_handler(info, registers, vector, error, fault_address)) {
        process().finish();
        end_enclave(abi::EndReason::kFault, vector, error, fault_address);
    }
    resume_program(registers);
}
