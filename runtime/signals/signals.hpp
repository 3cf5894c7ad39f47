// The process's signals. They come from its own faults and its own calls only:
// there is no way for the host to send one.
#pragma once

#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "runtime/signals/frame.hpp"

extern "C" {
// Not 0: a signal that is not blocked waits; looked at on return from a call.
extern std::uint8_t signal_work;
}

namespace enclavisor::runtime {

inline constexpr int kSignalCount = 64;

constexpr std::uint64_t signal_bit(int number) {
    return 1ull << (number - 1);
}

// SIGKILL and SIGSTOP can be neither blocked nor caught.
inline constexpr std::uint64_t kUnblockable = signal_bit(9) | signal_bit(19);

class Signals {
public:
    SignalAction& action(int number) { return actions_[number - 1]; }
    std::uint64_t mask() const { return mask_; }
    std::uint64_t pending() const { return pending_; }
    SignalStack& stack() { return stack_; }

    void set_mask(std::uint64_t mask);
    // Precondition: a valid number. Ignored signals are dropped.
    void raise(const SignalInfo& info);

    // Takes one pending signal that is not blocked; false: none.
    bool take(SignalInfo& info);

    // Makes `registers` those of the handler's first instruction, with a frame on
    // its stack. False: no memory there. Precondition: the action is a handler.
    bool enter_handler(const SignalInfo& info, abi::Registers& registers, std::uint64_t vector,
                       std::uint64_t error, std::uint64_t address);
    // rt_sigreturn: takes what the frame below `rsp` says. False: it cannot be read.
    bool leave_handler(std::uint64_t rsp, abi::Registers& registers);

    // Whether the action of a signal, if it is the default, is to do nothing.
    static bool ignored_by_default(int number);
    bool ignores(int number);

    // rt_sigsuspend: this mask is put back after the handler.
    void suspend(std::uint64_t mask);

private:
    void update_work();

    SignalAction actions_[kSignalCount]{};
    SignalInfo infos_[kSignalCount]{};
    std::uint64_t mask_ = 0;
    std::uint64_t pending_ = 0;
    std::uint64_t saved_mask_ = 0;
    bool suspended_ = false;
    SignalStack stack_{0, 2 /* SS_DISABLE */, 0, 0};
};

}  // namespace enclavisor::runtime
