// The process's side of signals: what they do, and those that wait until a thread
// takes them. They come from its own faults and its own calls, and from outside (outside.hpp).
#pragma once

#include "runtime/files/wait_queue.hpp"
#include "runtime/signals/pending.hpp"

namespace enclavisor::runtime {

class Signals {
public:
    SignalAction& action(int number) { return actions_[number - 1]; }
    // Whether a signal would be dropped on arrival.
    bool ignores(int number) const;
    PendingSignals& pending() { return pending_; }
    // Hears of every signal that comes to wait.
    WaitQueue& arrivals() { return arrivals_; }

private:
    SignalAction actions_[kSignalCount]{};
    PendingSignals pending_;  // of the process: blocked by all threads when they came
    WaitQueue arrivals_;
};

struct Thread;

// Sends to the calling thread, to any thread, to the process; the lock is held.
// Precondition: a valid number. Ignored signals are dropped, unless they are
// blocked. 0, or -EAGAIN: too many wait.
std::int64_t raise_here(const SignalInfo& info);
std::int64_t send_to_thread(Thread& thread, const SignalInfo& info);
std::int64_t send_to_process(const SignalInfo& info);

// Gives the signals in `set` that were sent to the process, and which wait for
// `thread`, to another: it blocks them now, or ends.
void pass_on_signals(Thread& thread, std::uint64_t set);

// Takes a signal in `set` that waits for the calling thread or the process. False: there
// is none.
bool take_signal(std::uint64_t set, SignalInfo& info);

// Sets the calling thread's mask.
void set_signal_mask(std::uint64_t mask);

// A signal that comes to be ignored does not wait any longer.
void forget_signal(int number);

}  // namespace enclavisor::runtime
