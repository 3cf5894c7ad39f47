// A thread's side of signals: its mask, what waits for it, and the way into
// handlers and out.
#pragma once

#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "runtime/signals/pending.hpp"

namespace enclavisor::runtime {

// SIGKILL and SIGSTOP can be neither blocked nor caught.
inline constexpr std::uint64_t kUnblockable = signal_bit(9) | signal_bit(19);
// SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
inline constexpr std::uint64_t kStopSignals =
    signal_bit(19) | signal_bit(20) | signal_bit(21) | signal_bit(22);

class ThreadSignals {
public:
    std::uint64_t mask() const { return mask_; }
    // Use set_signal_mask(), which also moves what waits.
    void set_mask(std::uint64_t mask) { mask_ = mask & ~kUnblockable; }

    PendingSignals& pending() { return pending_; }
    std::uint64_t ready() const { return pending_.set() & ~mask_; }

    // What rt_sigtimedwait waits for.
    std::uint64_t awaited() const { return awaited_; }
    void await(std::uint64_t set) { awaited_ = set; }

    SignalStack& stack() { return stack_; }

    // A new thread's: the mask of who makes it, and nothing else.
    void inherit(const ThreadSignals& parent);

    // The mask until resume() or the end of a handler that comes meanwhile
    // (rt_sigsuspend, ppoll); what it was stays to be put back.
    bool suspended() const { return suspended_; }
    void suspend() { saved_mask_ = mask_, suspended_ = true; }
    std::uint64_t stop_suspending() { return suspended_ = false, saved_mask_; }

    // Makes `registers` those of the first instruction of `action`'s handler, with a
    // frame on its stack, and says in `mask` what is blocked there. False: no memory
    // on the stack.
    bool enter_handler(SignalAction& action, const SignalInfo& info, abi::Registers& registers,
                       std::uint64_t address, std::uint64_t& mask);
    // rt_sigreturn: takes what the frame below `rsp` says. False: it cannot be read.
    bool leave_handler(std::uint64_t rsp, abi::Registers& registers, std::uint64_t& mask);

private:
    PendingSignals pending_;
    std::uint64_t mask_ = 0;
    std::uint64_t saved_mask_ = 0;
    std::uint64_t awaited_ = 0;
    bool suspended_ = false;
    SignalStack stack_{0, 2 /* SS_DISABLE */, 0, 0};
};

}  // namespace enclavisor::runtime
