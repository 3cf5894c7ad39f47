// The process's side of signals: what they do, and those that wait until a thread
// takes them. They come from the enclave's own faults and calls, and from outside (outside.hpp).
#pragma once

#include "runtime/files/ref.hpp"
#include "runtime/signals/pending.hpp"

namespace enclavisor::runtime {

// What signals do: what CLONE_SIGHAND shares.
struct SignalActions : Counted {
    SignalActions() = default;
    SignalActions(const SignalActions& other) : Counted{} {
        for (int i = 0; i < kSignalCount; i++) of[i] = other.of[i];
    }
    SignalAction of[kSignalCount]{};
};

class Signals {
public:
    Signals() : actions_{make_ref<SignalActions>()} {}
    // A child's: the same actions, and nothing waits.
    Signals(const Signals& parent) : actions_{parent.actions_} {}

    SignalAction& action(int number) { return actions_->of[number - 1]; }
    const SignalAction& action(int number) const { return actions_->of[number - 1]; }
    // From now on they are the process's own.
    void own_actions() { actions_ = make_ref<SignalActions>(*actions_); }
    // All that have a handler do their default (execve, CLONE_CLEAR_SIGHAND).
    void clear_handlers();
    // Whether a signal would be dropped on arrival.
    bool ignores(int number) const;
    PendingSignals& pending() { return pending_; }

private:
    Ref<SignalActions> actions_;
    PendingSignals pending_;  // of the process: blocked by all threads when they came
};

struct Process;
struct Thread;

// One that nobody sends.
inline SignalInfo kernel_signal(int number) {
    constexpr int kKernel = 0x80;  // SI_KERNEL
    SignalInfo info{};
    info.number = number;
    info.code = kKernel;
    return info;
}

// Sends to the calling thread, to any thread, to a process; the lock is held.
// Precondition: a valid number. Ignored signals are dropped, unless they are
// blocked. 0, or -EAGAIN: too many wait.
std::int64_t raise_here(const SignalInfo& info);
std::int64_t send_to_thread(Thread& thread, const SignalInfo& info);
std::int64_t send_to_process(Process& process, const SignalInfo& info);

// What a timer sends: to the process, or to the thread of that number. False: nobody is
// there, nobody wants it, or there is no room.
bool send_of_timer(Process& process, std::uint32_t thread, const SignalInfo& info);

// Gives the signals in `set` that were sent to the process, and which wait for
// `thread`, to another: it blocks them now, or ends.
void pass_on_signals(Thread& thread, std::uint64_t set);

// Takes a signal in `set` that waits for the calling thread or the process. False: there
// is none.
bool take_signal(std::uint64_t set, SignalInfo& info);

// Whether the thread has something to do about signals before it goes on.
void look_at_signals(Thread& thread);

// Sets the calling thread's mask.
void set_signal_mask(std::uint64_t mask);

// A signal that comes to be ignored does not wait any longer.
void forget_signal(int number);

}  // namespace enclavisor::runtime
