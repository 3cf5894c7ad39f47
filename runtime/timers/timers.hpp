// The deadlines of all processes' timers, and the thread of the runtime that sleeps until the
// first of them. It is made when the first timer is armed, belongs to no process, and
// lives in an address space of its own, so that none of theirs lasts longer for it. The
// lock is held.
#pragma once

#include "base/list.hpp"
#include "runtime/time/time_data.hpp"
#include "runtime/timers/timer.hpp"

namespace enclavisor::runtime {

struct Thread;

class Timers {
public:
    void add(Timer& timer);
    // If it is there.
    void remove(Timer& timer);

    // The thread ends, so that the enclave can become a template; the lock is released
    // meanwhile. start() lets the timers go on.
    void stop();
    void start();

    // What the thread does.
    [[noreturn]] void run();
    const TimeData& time() const { return time_; }

private:
    using List = base::List<Timer, &Timer::link>;
    std::uint64_t first_deadline() const;  // 0: none

    List armed_;
    Thread* thread_ = nullptr;    // also of one that has ended: its stack is used again
    bool runs_ = false;           // or is to
    bool alive_ = false;          // it will look at runs_ again
    std::uint64_t wakes_at_ = 0;  // when it does, by itself; 0: never
    TimeData time_{};             // the clock of its space
};

}  // namespace enclavisor::runtime
