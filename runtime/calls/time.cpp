// Clocks and sleeping.
#include <sys/time.h>

#include "runtime/calls/call.hpp"
#include "runtime/threads/wait.hpp"

namespace enclavisor::runtime {
namespace {

// Without the lock.
ClockKind any_clock(int id) {
    if (id >= 0) return kind_of_clock(id);
    const Locked locked;
    return find_clock(id);
}

std::int64_t sys_clock_gettime(int id, Address to) {
    const ClockKind kind = any_clock(id);
    if (kind == ClockKind::kUnknown) return -EINVAL;
    return put(to, system().clock.now(kind));
}

std::int64_t sys_clock_getres(int id, Address to) {
    if (any_clock(id) == ClockKind::kUnknown) return -EINVAL;
    return to != 0 ? put(to, timespec{0, 1}) : 0;
}

std::int64_t sys_gettimeofday(Address time, Address zone) {
    const timespec now = system().clock.now(ClockKind::kWall);
    if (time != 0) TRY_ERRNO(put(time, timeval{now.tv_sec, now.tv_nsec / 1000}));
    return zone != 0 ? put(zone, std::uint64_t{0}) : 0;
}

std::int64_t sys_time(Address to) {
    const time_t now = system().clock.now(ClockKind::kWall).tv_sec;
    if (to != 0) TRY_ERRNO(put(to, now));
    return now;
}

// Sleeps; after a signal what is left goes to `rest`, unless it is null. Without a handler the
// sleep goes on, for what is left.
std::int64_t sleep_for(std::uint64_t nanoseconds, Address rest) {
    Thread& thread = this_thread();
    std::uint64_t until = std::exchange(thread.sleeps_until, 0);
    if (until == 0) until = system().clock.read(ClockKind::kMonotonic) + nanoseconds;
    if (sleep(system().clock.deadline(nanoseconds_to(until))) != Slept::kSignal) return 0;
    if (rest != 0) TRY_ERRNO(put(rest, to_timespec(nanoseconds_to(until))));
    thread.sleeps_until = until;
    return restart_call(kRestartUnlessHandled);
}

std::int64_t sys_nanosleep(Address from, Address rest) {
    std::uint64_t nanoseconds;
    TRY_ERRNO(get_nanoseconds(from, nanoseconds));
    return sleep_for(nanoseconds, rest);
}

std::int64_t sys_clock_nanosleep(int id, int flags, Address from, Address rest) {
    const ClockKind kind = find_clock(id);
    std::uint64_t nanoseconds;
    if (kind == ClockKind::kUnknown) return -EINVAL;
    if (id == CLOCK_THREAD_CPUTIME_ID || id == CLOCK_MONOTONIC_RAW || id == CLOCK_REALTIME_COARSE ||
        id == CLOCK_MONOTONIC_COARSE) {
        return -EOPNOTSUPP;
    }
    TRY_ERRNO(get_nanoseconds(from, nanoseconds));
    if (flags & TIMER_ABSTIME) {
        const std::uint64_t now = system().clock.read(kind);
        nanoseconds = nanoseconds > now ? nanoseconds - now : 0;
        rest = 0;
    }
    return sleep_for(nanoseconds, rest);
}

}  // namespace

ClockKind find_clock(int id) {
    if (id >= 0) return kind_of_clock(id);
    // The number of a process or thread, inverted, above three bits (clock_getcpuclockid(3)).
    constexpr int kKind = 3, kOfThread = 4;
    const auto number = static_cast<std::uint32_t>(~(id >> 3));
    if ((id & kKind) == kKind) return ClockKind::kUnknown;
    const Thread* thread = number == 0 ? &this_thread() : system().threads.find(number);
    const bool known = id & kOfThread ? thread != nullptr && thread->process == &process()
                                      : number == 0 || system().processes.find(number) != nullptr;
    return known ? ClockKind::kProcess : ClockKind::kUnknown;
}

std::int64_t get_nanoseconds(Address from, std::uint64_t& nanoseconds) {
    timespec time;
    if (!get(from, time)) return -EFAULT;
    return to_nanoseconds(time, nanoseconds) ? 0 : -EINVAL;
}

ENCLAVISOR_FREE_CALL(clock_gettime)
ENCLAVISOR_FREE_CALL(clock_getres)
ENCLAVISOR_FREE_CALL(gettimeofday)
ENCLAVISOR_FREE_CALL(time)
ENCLAVISOR_CALL(nanosleep)
ENCLAVISOR_CALL(clock_nanosleep)

}  // namespace enclavisor::runtime
