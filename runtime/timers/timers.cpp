#include "runtime/timers/timers.hpp"

#include "runtime/entry/program_start.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"
#include "runtime/threads/sleep.hpp"
#include "runtime/threads/wait.hpp"

namespace enclavisor::runtime {
namespace {

[[noreturn]] void begin() {
    place_time_data(system().timers.time());
    runtime_lock.lock();
    system().timers.run();
}

}  // namespace

void Timers::add(Timer& timer) {
    armed_.push_back(&timer);
    if (!runs_) {
        start();
    } else if (earlier(wakes_at_, timer.schedule().next()) != wakes_at_) {
        wake(*thread_);
    }
}

void Timers::remove(Timer& timer) {
    if (timer.link.linked) armed_.remove(&timer);
}

std::uint64_t Timers::first_deadline() const {
    std::uint64_t first = kNoDeadline;
    for (const Timer* timer = armed_.first(); timer != nullptr; timer = List::next(timer)) {
        first = earlier(first, timer->schedule().next());
    }
    return first;
}

void Timers::start() {
    if (runs_ || armed_.empty()) return;
    runs_ = true;
    if (alive_) return;
    // Without memory for it, the next timer that is armed tries again.
    time_ = *time_data();
    runs_ = alive_ = system().threads.run_own(thread_, &begin);
}

void Timers::stop() {
    if (!runs_) return;
    runs_ = false;
    wake(*thread_);
    while (!runs_ && !Threads::is_gone(*thread_)) {
        const Unlocked unlocked;
        Threads::wait_until_gone(*thread_);
    }
}

void Timers::run() {
    while (runs_) {
        wakes_at_ = first_deadline();
        if (passed(wakes_at_)) {
            const std::uint64_t now = system().clock.read(ClockKind::kMonotonic);
            // One at a time: a signal may change the list.
            Timer* timer = armed_.first();
            while (timer->schedule().next() > now) timer = List::next(timer);
            armed_.remove(timer);
            timer->expire(now);
            continue;
        }
        sleep(wakes_at_ == kNoDeadline ? 0 : system().clock.deadline(nanoseconds_to(wakes_at_)));
    }
    alive_ = false;
    system().threads.exit_own();
}

}  // namespace enclavisor::runtime
