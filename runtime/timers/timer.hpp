// A timer that sends signals, and those of a process. As on Linux, one that repeats waits with
// its next time until its signal was taken: a short interval costs nobody more signals than
// the program takes. The lock is held.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/list.hpp"
#include "runtime/signals/frame.hpp"
#include "runtime/time/time_data.hpp"
#include "runtime/timers/schedule.hpp"

namespace enclavisor::runtime {

struct Process;

class Timer {
public:
    // Who is told, and how.
    struct Target {
        int signal = 0;                           // 0: nobody
        std::uint32_t thread = 0;                 // 0: the process
        int id = kOfProcess;                      // of timer_create
        ClockKind clock = ClockKind::kMonotonic;  // what absolute times are of
        std::uint64_t value = 0;
        bool value_is_id = false;  // no other was given
    };
    static constexpr int kOfProcess = -1;  // setitimer's: its signal is an ordinary SIGALRM

    Timer(Process& process, const Target& target) : process_{&process}, target_{target} {}
    ~Timer();
    Timer(const Timer&) = delete;

    const Target& target() const { return target_; }
    const Schedule& schedule() const { return schedule_; }
    // Times that passed between a signal and its delivery.
    std::uint64_t overruns() const { return overruns_; }

    void set(std::uint64_t next, std::uint64_t interval);
    // Its time has come: nobody else counts on it.
    void expire(std::uint64_t now);
    // Its signal was taken, or will never be: it goes on.
    void signal_taken(std::uint64_t now);
    bool waits_for_signal() const { return waits_; }

    base::ListLink<Timer> link;  // in Timers

private:
    bool send();
    void arm();

    Process* const process_;
    const Target target_;
    Schedule schedule_;
    std::uint64_t overruns_ = 0;
    bool waits_ = false;  // until its signal is taken
};

class ProcessTimers {
public:
    explicit ProcessTimers(Process& process);

    // ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF.
    Timer& interval_timer(int which) { return interval_timers_[which]; }

    // Of timer_create. Target::id is chosen here: it, or -EAGAIN.
    std::int64_t make(Timer::Target target);
    Timer* find(int id) const;  // null: none
    bool remove(int id);
    void remove_made() { made_.clear(); }  // execve
    void remove_all();

    // A signal leaves those that wait, to be handled: who waited for that goes on, and what it
    // says of overruns is filled in.
    void taken(SignalInfo& info);
    // All signals of that number were dropped.
    void dropped(int number);

private:
    static constexpr std::size_t kMost = 4096;
    template <typename Visit>
    void for_each(Visit visit);

    Process* const process_;
    Timer interval_timers_[3];
    std::vector<std::unique_ptr<Timer>> made_;
    int next_id_ = 0;
};

}  // namespace enclavisor::runtime
