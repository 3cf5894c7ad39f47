// Signal calls.
#include <signal.h>

#include "runtime/calls/call.hpp"
#include "runtime/signals/deliver.hpp"
#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kSetSize = 8;
constexpr std::uint64_t kMinimalStack = 2048;  // MINSIGSTKSZ

bool valid(int number) {
    return number >= 1 && number <= kSignalCount;
}

std::int64_t sys_rt_sigaction(int number, Address new_action, Address old_action, std::uint64_t size) {
    if (size != kSetSize || !valid(number)) return -EINVAL;
    Signals& signals = process().signals;
    const SignalAction old = signals.action(number);
    if (new_action != 0) {
        if (signal_bit(number) & kUnblockable) return -EINVAL;
        SignalAction action;
        if (!get(new_action, action)) return -EFAULT;
        action.mask &= ~kUnblockable;
        signals.action(number) = action;
    }
    return old_action != 0 ? put(old_action, old) : 0;
}

std::int64_t sys_rt_sigprocmask(int how, Address new_mask, Address old_mask, std::uint64_t size) {
    if (size != kSetSize) return -EINVAL;
    Signals& signals = process().signals;
    const std::uint64_t old = signals.mask();
    if (new_mask != 0) {
        std::uint64_t mask;
        if (!get(new_mask, mask)) return -EFAULT;
        switch (how) {
            case SIG_BLOCK:
                signals.set_mask(old | mask);
                break;
            case SIG_UNBLOCK:
                signals.set_mask(old & ~mask);
                break;
            case SIG_SETMASK:
                signals.set_mask(mask);
                break;
            default:
                return -EINVAL;
        }
    }
    return old_mask != 0 ? put(old_mask, old) : 0;
}

std::int64_t sys_rt_sigpending(Address to, std::uint64_t size) {
    if (size > kSetSize) return -EINVAL;
    return put(to, process().signals.pending() & process().signals.mask());
}

// A single thread that waits for a signal which is not there waits for ever.
void wait_for_signal() {
    while (signal_work == 0) sleep_for(kNanoseconds);
}

std::int64_t sys_rt_sigsuspend(Address from, std::uint64_t size) {
    std::uint64_t mask;
    if (size != kSetSize) return -EINVAL;
    if (!get(from, mask)) return -EFAULT;
    process().signals.suspend(mask);
    wait_for_signal();
    return -EINTR;
}

std::int64_t sys_pause(Frame*) {
    wait_for_signal();
    return -EINTR;
}

std::int64_t sys_sigaltstack(Frame* frame) {
    Signals& signals = process().signals;
    const Address new_stack = frame->rdi, old_stack = frame->rsi;
    SignalStack old = signals.stack();
    const bool on_it =
        !(old.flags & SS_DISABLE) && frame->rsp > old.base && frame->rsp - old.base <= old.size;
    if (on_it) old.flags |= SS_ONSTACK;
    if (new_stack != 0) {
        SignalStack stack;
        if (!get(new_stack, stack)) return -EFAULT;
        if (on_it) return -EPERM;
        if (stack.flags & ~(SS_DISABLE | SS_ONSTACK)) return -EINVAL;
        if (!(stack.flags & SS_DISABLE) && stack.size < kMinimalStack) return -ENOMEM;
        if (stack.flags & SS_DISABLE) stack = {0, SS_DISABLE, 0, 0};
        stack.flags &= SS_DISABLE;
        signals.stack() = stack;
    }
    return old_stack != 0 ? put(old_stack, old) : 0;
}

std::int64_t sys_rt_sigreturn(Frame* frame) {
    abi::Registers registers{};
    if (!process().signals.leave_handler(frame->rsp, registers)) {
        process().finish();
        end_enclave(abi::EndReason::kSignal, SIGSEGV);
    }
    deliver_pending_signals(&registers);
    resume_program(registers);
}

std::int64_t send(int number, int code) {
    if (number == 0) return 0;
    if (!valid(number)) return -EINVAL;
    SignalInfo info{};
    info.number = number;
    info.code = code;
    info.sender.pid = static_cast<std::int32_t>(process().pid);
    info.sender.uid = process().uid;
    process().signals.raise(info);
    return 0;
}

bool self(std::int32_t id) {
    return static_cast<std::uint32_t>(id) == process().pid;
}

// There is no other process that could be reached.
std::int64_t sys_kill(std::int32_t pid, int number) {
    if (!self(pid) && pid != 0 && !self(-pid)) return -ESRCH;
    return send(number, SI_USER);
}
std::int64_t sys_tkill(std::int32_t thread, int number) {
    return thread <= 0 ? -EINVAL : self(thread) ? send(number, SI_TKILL) : -ESRCH;
}
std::int64_t sys_tgkill(std::int32_t group, std::int32_t thread, int number) {
    if (group <= 0 || thread <= 0) return -EINVAL;
    return self(group) && self(thread) ? send(number, SI_TKILL) : -ESRCH;
}

}  // namespace

ENCLAVISOR_CALL(rt_sigaction)
ENCLAVISOR_CALL(rt_sigprocmask)
ENCLAVISOR_CALL(rt_sigpending)
ENCLAVISOR_CALL(rt_sigsuspend)
ENCLAVISOR_CALL(pause)
ENCLAVISOR_CALL(sigaltstack)
ENCLAVISOR_CALL(rt_sigreturn)
ENCLAVISOR_CALL(kill)
ENCLAVISOR_CALL(tkill)
ENCLAVISOR_CALL(tgkill)

}  // namespace enclavisor::runtime
