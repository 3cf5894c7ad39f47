// Signal calls.
#include <signal.h>

#include "runtime/calls/call.hpp"
#include "runtime/processes/end.hpp"
#include "runtime/signals/deliver.hpp"
#include "runtime/signals/send_to_all.hpp"
#include "runtime/threads/sleep.hpp"

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
        if (signals.ignores(number)) forget_signal(number);
    }
    return old_action != 0 ? put(old_action, old) : 0;
}

std::int64_t sys_rt_sigprocmask(int how, Address new_mask, Address old_mask, std::uint64_t size) {
    if (size != kSetSize) return -EINVAL;
    const std::uint64_t old = this_thread().signals.mask();
    if (new_mask != 0) {
        std::uint64_t mask;
        if (!get(new_mask, mask)) return -EFAULT;
        switch (how) {
            case SIG_BLOCK:
                set_signal_mask(old | mask);
                break;
            case SIG_UNBLOCK:
                set_signal_mask(old & ~mask);
                break;
            case SIG_SETMASK:
                set_signal_mask(mask);
                break;
            default:
                return -EINVAL;
        }
    }
    return old_mask != 0 ? put(old_mask, old) : 0;
}

std::int64_t sys_rt_sigpending(Address to, std::uint64_t size) {
    if (size > kSetSize) return -EINVAL;
    ThreadSignals& own = this_thread().signals;
    return put(to, (own.pending().set() | process().signals.pending().set()) & own.mask());
}

std::int64_t wait_for_signal() {
    while (sleep(0) != Slept::kSignal) continue;
    return restart_call(kRestartUnlessHandled);
}

std::int64_t sys_rt_sigsuspend(Address from, std::uint64_t size) {
    std::uint64_t mask;
    if (size != kSetSize) return -EINVAL;
    if (!get(from, mask)) return -EFAULT;
    this_thread().signals.suspend();
    set_signal_mask(mask);
    return wait_for_signal();
}

std::int64_t sys_pause(Frame*) {
    return wait_for_signal();
}

std::int64_t sys_rt_sigtimedwait(Address from, Address info_address, Address time_address,
                                 std::uint64_t size) {
    std::uint64_t set, nanoseconds = 0, deadline = 0;
    if (size != kSetSize) return -EINVAL;
    if (!get(from, set)) return -EFAULT;
    set &= ~kUnblockable;
    if (time_address != 0) {
        TRY_ERRNO(get_nanoseconds(time_address, nanoseconds));
        deadline = system().clock.deadline(nanoseconds);
    }
    SignalInfo info{};
    Slept slept = Slept::kWoken;
    while (!take_signal(set, info)) {
        if (slept == Slept::kTimedOut) return -EAGAIN;
        if (slept == Slept::kSignal) return -EINTR;
        this_thread().signals.await(set);
        slept = sleep(deadline);
        this_thread().signals.await(0);
    }
    if (info_address != 0) TRY_ERRNO(put(info_address, info));
    return info.number;
}

std::int64_t sys_sigaltstack(Frame* frame) {
    ThreadSignals& signals = this_thread().signals;
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
    {
        const Locked locked;
        std::uint64_t mask;
        if (!this_thread().signals.leave_handler(frame->rsp, registers, mask)) {
            exit_process(SIGSEGV);
        }
        set_signal_mask(mask);
        deliver_signals(registers);
    }
    resume_program(registers);
}

SignalInfo from_here(int number, int code) {
    SignalInfo info{};
    info.number = number;
    info.code = code;
    info.sender.pid = static_cast<std::int32_t>(process().pid);
    info.sender.uid = process().uid;
    return info;
}

std::int64_t check_number(int number) {
    return number == 0 || valid(number) ? 0 : -EINVAL;
}

// Signal 0 only asks.
bool may_send(const Process& target, int number) {
    return &target == &process() || process().may_signal(target) ||
           (number == SIGCONT && target.session == process().session);
}
std::int64_t to_process(Process& target, const SignalInfo& info) {
    if (!may_send(target, info.number)) return -EPERM;
    return info.number == 0 ? 0 : send_to_process(target, info);
}
std::int64_t to_thread(std::int32_t group, std::int32_t id, const SignalInfo& info) {
    TRY_ERRNO(check_number(info.number));
    Thread* thread = system().threads.find(static_cast<std::uint32_t>(id));
    if (thread == nullptr) return -ESRCH;
    if (group != 0 && thread->process->pid != static_cast<std::uint32_t>(group)) return -ESRCH;
    if (!may_send(*thread->process, info.number)) return -EPERM;
    return info.number == 0 ? 0 : send_to_thread(*thread, info);
}

// By its own number or that of one of its threads; null: none in the enclave.
Process* find_process(std::int32_t id) {
    const auto number = static_cast<std::uint32_t>(id);
    if (Process* found = system().processes.find(number)) return found;
    const Thread* thread = system().threads.find(number);
    return thread == nullptr ? nullptr : thread->process;
}

std::int64_t sys_kill(std::int32_t pid, int number) {
    TRY_ERRNO(check_number(number));
    const SignalInfo info = from_here(number, SI_USER);
    if (pid > 0) {
        Process* target = find_process(pid);
        return target == nullptr ? -ESRCH : to_process(*target, info);
    }
    const auto send = [&info](Process& target) { return to_process(target, info); };
    if (pid == -1) {
        return send_to_all([](const Process& each) { return &each != &process() && &each != system().first; },
                           send);
    }
    if (pid == INT32_MIN) return -ESRCH;
    const std::uint32_t group = pid == 0 ? process().group : static_cast<std::uint32_t>(-pid);
    return send_to_all([group](const Process& each) { return each.group == group; }, send);
}
std::int64_t sys_tkill(std::int32_t thread, int number) {
    return thread <= 0 ? -EINVAL : to_thread(0, thread, from_here(number, SI_TKILL));
}
std::int64_t sys_tgkill(std::int32_t group, std::int32_t thread, int number) {
    if (group <= 0 || thread <= 0) return -EINVAL;
    return to_thread(group, thread, from_here(number, SI_TKILL));
}

// `own`: to the caller itself, who may say what it wants.
std::int64_t get_info(Address from, int number, bool own, SignalInfo& info) {
    if (!get(from, info)) return -EFAULT;
    if (!own && (info.code >= 0 || info.code == SI_TKILL)) return -EPERM;
    info.number = number;
    info.padding = 0;
    return 0;
}
bool is_self(std::int32_t pid) {
    return static_cast<std::uint32_t>(pid) == process().pid;
}
std::int64_t sys_rt_sigqueueinfo(std::int32_t pid, int number, Address from) {
    SignalInfo info;
    TRY_ERRNO(get_info(from, number, is_self(pid), info));
    TRY_ERRNO(check_number(number));
    Process* target = find_process(pid);
    return target == nullptr ? -ESRCH : to_process(*target, info);
}
std::int64_t sys_rt_tgsigqueueinfo(std::int32_t group, std::int32_t thread, int number, Address from) {
    SignalInfo info;
    if (group <= 0 || thread <= 0) return -EINVAL;
    TRY_ERRNO(get_info(from, number, is_self(group), info));
    return to_thread(group, thread, info);
}

}  // namespace

ENCLAVISOR_CALL(rt_sigaction)
ENCLAVISOR_CALL(rt_sigprocmask)
ENCLAVISOR_CALL(rt_sigpending)
ENCLAVISOR_CALL(rt_sigsuspend)
ENCLAVISOR_CALL(pause)
ENCLAVISOR_CALL(sigaltstack)
ENCLAVISOR_FREE_CALL(rt_sigreturn)
ENCLAVISOR_CALL(kill)
ENCLAVISOR_CALL(tkill)
ENCLAVISOR_CALL(tgkill)
ENCLAVISOR_CALL(rt_sigtimedwait)
ENCLAVISOR_CALL(rt_sigqueueinfo)
ENCLAVISOR_CALL(rt_tgsigqueueinfo)

}  // namespace enclavisor::runtime
