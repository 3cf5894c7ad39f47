#include "runtime/timers/timer.hpp"

#include <errno.h>
#include <limits.h>
#include <signal.h>

#include <algorithm>

#include "runtime/signals/signals.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

// How soon a timer whose signal nobody wants looks again.
constexpr std::uint64_t kTick = 4'000'000;

std::uint64_t now() {
    return system().clock.read(ClockKind::kMonotonic);
}

}  // namespace

Timer::~Timer() {
    system().timers.remove(*this);
}

void Timer::arm() {
    system().timers.remove(*this);
    if (schedule_.next() != 0 && target_.signal != 0) system().timers.add(*this);
}

void Timer::set(std::uint64_t next, std::uint64_t interval) {
    schedule_.set(next, interval);
    overruns_ = 0;
    waits_ = false;
    arm();
}

bool Timer::send() {
    SignalInfo info{};
    info.number = target_.signal;
    if (target_.id == kOfProcess) {
        info.code = SI_KERNEL;
    } else {
        info.code = SI_TIMER;
        info.padding = kOfTimer;
        info.timer.id = target_.id;
        info.timer.value = target_.value;
    }
    return send_of_timer(*process_, target_.thread, info);
}

void Timer::expire(std::uint64_t now) {
    schedule_.advance();
    if (send()) {
        waits_ = true;
        return;
    }
    schedule_.pass(now + kTick);
    arm();
}

void Timer::signal_taken(std::uint64_t now) {
    if (!waits_) return;
    waits_ = false;
    overruns_ = std::min<std::uint64_t>(schedule_.pass(now), INT_MAX);
    arm();
}

ProcessTimers::ProcessTimers(Process& process)
    : process_{&process},
      interval_timers_{
          {process, {.signal = SIGALRM}}, {process, {.signal = SIGVTALRM}}, {process, {.signal = SIGPROF}}} {}

template <typename Visit>
void ProcessTimers::for_each(Visit visit) {
    for (Timer& timer : interval_timers_) visit(timer);
    for (const auto& timer : made_) visit(*timer);
}

std::int64_t ProcessTimers::make(Timer::Target target) {
    if (made_.size() >= kMost) return -EAGAIN;
    target.id = next_id_;
    next_id_ = next_id_ == INT_MAX ? 0 : next_id_ + 1;
    if (find(target.id) != nullptr) return -EAGAIN;
    if (target.value_is_id) target.value = static_cast<std::uint32_t>(target.id);
    made_.push_back(std::make_unique<Timer>(*process_, target));
    return target.id;
}

Timer* ProcessTimers::find(int id) const {
    const auto found =
        std::find_if(made_.begin(), made_.end(), [&](const auto& timer) { return timer->target().id == id; });
    return found == made_.end() ? nullptr : found->get();
}

bool ProcessTimers::remove(int id) {
    return std::erase_if(made_, [&](const auto& timer) { return timer->target().id == id; }) != 0;
}

void ProcessTimers::remove_all() {
    remove_made();
    for (Timer& timer : interval_timers_) timer.set(0, 0);
}

void ProcessTimers::taken(SignalInfo& info) {
    if (info.padding & kOfTimer) {
        Timer* timer = find(info.timer.id);
        if (timer == nullptr) return;
        timer->signal_taken(now());
        info.timer.overruns = static_cast<std::int32_t>(timer->overruns());
        return;
    }
    // Whoever sent it: two of its kind do not wait.
    for (Timer& timer : interval_timers_) {
        if (timer.target().signal == info.number && timer.waits_for_signal()) timer.signal_taken(now());
    }
}

void ProcessTimers::dropped(int number) {
    for_each([&](Timer& timer) {
        if (timer.target().signal == number && timer.waits_for_signal()) timer.signal_taken(now());
    });
}

}  // namespace enclavisor::runtime
