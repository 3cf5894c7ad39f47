// Which thread runs. The kernel never blocks inside: an entry into ring 0 runs
// to its end and then leaves with whatever thread is to run next.
#pragma once

#include <cstdint>

#include "kernel/sched/thread.hpp"

namespace enclavisor::kernel {

struct Kernel;

class Scheduler {
public:
    static constexpr std::uint64_t kSliceNanoseconds = 4'000'000;

    void make_ready(Thread* thread);
    // The current thread sleeps; its kernel call will return what wake() says.
    void wait(Thread* thread, Waiting what, std::uint64_t deadline);
    void wake(Thread* thread, std::int64_t result);
    // Takes a thread out of every queue.
    void forget(Thread* thread);

    Thread* pick() { return ready_.pop_front(); }
    bool anyone_ready() const { return !ready_.empty(); }
    ThreadQueue& waiting() { return waiting_; }

    // Earliest deadline of a sleeper, 0 if there is none.
    std::uint64_t next_deadline() const;
    void wake_expired(std::uint64_t now);
    bool anyone_timed() const { return timed_ != 0; }

private:
    void stop_waiting(Thread* thread);

    ThreadQueue ready_;
    ThreadQueue waiting_;
    std::uint64_t timed_ = 0;  // sleepers with a deadline
};

// Leaves ring 0 with the current thread, or another one if its time is up or
// it sleeps, or idles. Ends the critical section of `kernel`.
[[noreturn]] void leave(Kernel& kernel);
// As leave(), but the current thread goes to the end of the queue.
[[noreturn]] void leave_to_next(Kernel& kernel);

// Wakes threads whose host has answered.
void wake_for_io(Kernel& kernel);

}  // namespace enclavisor::kernel
