// Clocks and sleeping.
#include <sys/time.h>

#include "runtime/calls/call.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

std::int64_t sys_clock_gettime(int id, Address to) {
    const ClockKind kind = kind_of_clock(id);
    if (kind == ClockKind::kUnknown) return -EINVAL;
    return put(to, system().clock.now(kind));
}

std::int64_t sys_clock_getres(int id, Address to) {
    if (kind_of_clock(id) == ClockKind::kUnknown) return -EINVAL;
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

// Sleeps; after a signal what is left goes to `rest`, unless it is null.
std::int64_t sleep_for(std::uint64_t nanoseconds, Address rest) {
    const std::uint64_t start = system().clock.read(ClockKind::kMonotonic);
    if (sleep(system().clock.deadline(nanoseconds)) != Slept::kSignal) return 0;
    const std::uint64_t gone = system().clock.read(ClockKind::kMonotonic) - start;
    if (rest != 0) TRY_ERRNO(put(rest, to_timespec(nanoseconds > gone ? nanoseconds - gone : 0)));
    return -EINTR;
}

std::int64_t sys_nanosleep(Address from, Address rest) {
    std::uint64_t nanoseconds;
    TRY_ERRNO(get_nanoseconds(from, nanoseconds));
    return sleep_for(nanoseconds, rest);
}

std::int64_t sys_clock_nanosleep(int id, int flags, Address from, Address rest) {
    const ClockKind kind = kind_of_clock(id);
    std::uint64_t nanoseconds;
    if (kind == ClockKind::kUnknown || (flags & ~TIMER_ABSTIME)) return -EINVAL;
    TRY_ERRNO(get_nanoseconds(from, nanoseconds));
    if (flags & TIMER_ABSTIME) {
        const std::uint64_t now = system().clock.read(kind);
        nanoseconds = nanoseconds > now ? nanoseconds - now : 0;
        rest = 0;
    }
    return sleep_for(nanoseconds, rest);
}

}  // namespace

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
