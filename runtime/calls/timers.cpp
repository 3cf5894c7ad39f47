// Timers that send signals: the three of each process, and those that it makes.
#include <signal.h>
#include <sys/time.h>

#include "runtime/calls/call.hpp"

namespace enclavisor::runtime {
namespace {

std::uint64_t now() {
    return system().clock.read(ClockKind::kMonotonic);
}

// --- setitimer -----------------------------------------------------------------

constexpr std::uint64_t kMicrosecond = 1000;

bool microseconds_to_nanoseconds(const timeval& time, std::uint64_t& nanoseconds) {
    if (time.tv_usec < 0 || time.tv_usec >= 1'000'000) return false;
    return to_nanoseconds(timespec{time.tv_sec, time.tv_usec * static_cast<long>(kMicrosecond)}, nanoseconds);
}
// What is less than a microsecond is one: nothing is left of a timer that is off only.
timeval to_timeval(std::uint64_t nanoseconds) {
    if (nanoseconds != 0) nanoseconds = std::max(nanoseconds, kMicrosecond);
    const timespec time = to_timespec(nanoseconds);
    return {time.tv_sec, time.tv_nsec / static_cast<long>(kMicrosecond)};
}

std::uint64_t left(const Timer& timer) {
    return timer.schedule().left(now());
}

itimerval setting_of(const Timer& timer) {
    return {to_timeval(timer.schedule().interval()), to_timeval(left(timer))};
}

void start(Timer& timer, std::uint64_t after, std::uint64_t interval) {
    timer.set(after == 0 ? 0 : now() + after, interval);
}

bool is_interval_timer(int which) {
    return which == ITIMER_REAL || which == ITIMER_VIRTUAL || which == ITIMER_PROF;
}

std::int64_t sys_getitimer(int which, Address to) {
    if (!is_interval_timer(which)) return -EINVAL;
    return put(to, setting_of(process().timers.interval_timer(which)));
}

// Without `from` the timer is off from now on, as on Linux.
std::int64_t sys_setitimer(int which, Address from, Address old) {
    itimerval given{};
    std::uint64_t after, interval;
    if (from != 0 && !get(from, given)) return -EFAULT;
    if (!microseconds_to_nanoseconds(given.it_value, after) ||
        !microseconds_to_nanoseconds(given.it_interval, interval))
        return -EINVAL;
    if (!is_interval_timer(which)) return -EINVAL;
    Timer& timer = process().timers.interval_timer(which);
    const itimerval before = setting_of(timer);
    start(timer, after, interval);
    return old != 0 ? put(old, before) : 0;
}

std::int64_t sys_alarm(std::uint32_t seconds) {
    Timer& timer = process().timers.interval_timer(ITIMER_REAL);
    const std::uint64_t before = left(timer);
    start(timer, seconds * kNanoseconds, 0);
    // Rounded, but an alarm that will come is not 0 seconds away.
    if (before != 0 && before < kNanoseconds) return 1;
    return static_cast<std::int64_t>((before + kNanoseconds / 2) / kNanoseconds);
}

// --- timer_create --------------------------------------------------------------

struct Event {  // sigevent_t
    std::uint64_t value;
    std::int32_t signal, how, thread, rest[11];
};
static_assert(sizeof(Event) == 64);

// 0 or -errno: whether a timer can count it.
std::int64_t check_clock(int id) {
    switch (id) {
        case CLOCK_MONOTONIC_RAW:
        case CLOCK_REALTIME_COARSE:
        case CLOCK_MONOTONIC_COARSE:
        case CLOCK_REALTIME_ALARM:  // there is nothing to be woken up from
        case CLOCK_BOOTTIME_ALARM:
            return -EOPNOTSUPP;
        default:
            return find_clock(id) == ClockKind::kUnknown ? -EINVAL : 0;
    }
}

std::int64_t read_target(const Event& event, Timer::Target& target) {
    const bool to_thread = event.how == (SIGEV_SIGNAL | SIGEV_THREAD_ID);
    if (event.how == SIGEV_NONE) return 0;
    if (!to_thread && event.how != SIGEV_SIGNAL && event.how != SIGEV_THREAD) return -EINVAL;
    if (event.signal <= 0 || event.signal > kSignalCount) return -EINVAL;
    if (to_thread) {
        target.thread = static_cast<std::uint32_t>(event.thread);
        const Thread* thread = system().threads.find(target.thread);
        if (thread == nullptr || thread->process != &process()) return -EINVAL;
    }
    target.signal = event.signal;
    return 0;
}

std::int64_t sys_timer_create(int clock, Address event_at, Address id_at) {
    Event event{};
    event.signal = SIGALRM;
    if (event_at != 0 && !get(event_at, event)) return -EFAULT;
    TRY_ERRNO(check_clock(clock));
    Timer::Target target{.clock = find_clock(clock), .value = event.value};
    target.value_is_id = event_at == 0;
    TRY_ERRNO(read_target(event, target));
    const std::int64_t id = TRY_ERRNO(process().timers.make(target));
    if (put(id_at, static_cast<std::int32_t>(id)) == 0) return 0;
    process().timers.remove(static_cast<int>(id));
    return -EFAULT;
}

itimerspec specification_of(const Timer& timer) {
    return {to_timespec(timer.schedule().interval()), to_timespec(left(timer))};
}

std::int64_t sys_timer_gettime(int id, Address to) {
    const Timer* timer = process().timers.find(id);
    return timer == nullptr ? -EINVAL : put(to, specification_of(*timer));
}

std::int64_t sys_timer_settime(int id, int flags, Address from, Address old) {
    itimerspec given;
    std::uint64_t first, interval;
    if (from == 0) return -EINVAL;
    if (!get(from, given)) return -EFAULT;
    if (!to_nanoseconds(given.it_value, first) || !to_nanoseconds(given.it_interval, interval))
        return -EINVAL;
    Timer* timer = process().timers.find(id);
    if (timer == nullptr) return -EINVAL;
    const itimerspec before = specification_of(*timer);
    if (first != 0 && (flags & TIMER_ABSTIME)) {
        // A time that is over expires now, and counts from then.
        const std::uint64_t read = system().clock.read(timer->target().clock);
        timer->set(first < read && now() <= read - first ? 1 : now() + first - read, interval);
    } else {
        start(*timer, first, interval);
    }
    return old != 0 ? put(old, before) : 0;
}

std::int64_t sys_timer_getoverrun(int id) {
    const Timer* timer = process().timers.find(id);
    return timer == nullptr ? -EINVAL : static_cast<std::int64_t>(timer->overruns());
}

std::int64_t sys_timer_delete(int id) {
    return process().timers.remove(id) ? 0 : -EINVAL;
}

}  // namespace

ENCLAVISOR_CALL(getitimer)
ENCLAVISOR_CALL(setitimer)
ENCLAVISOR_CALL(alarm)
ENCLAVISOR_CALL(timer_create)
ENCLAVISOR_CALL(timer_gettime)
ENCLAVISOR_CALL(timer_settime)
ENCLAVISOR_CALL(timer_getoverrun)
ENCLAVISOR_CALL(timer_delete)

}  // namespace enclavisor::runtime
