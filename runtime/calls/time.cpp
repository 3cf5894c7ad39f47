// Clocks, sleeping, futexes.
#include <linux/futex.h>
#include <sys/time.h>

#include "runtime/calls/call.hpp"
#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {

void sleep_for(std::uint64_t nanoseconds) {
    static std::uint32_t word;  // nobody wakes it
    const std::uint64_t deadline = process().clock.deadline(nanoseconds);
    while (read_tsc() < deadline) {
        kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&word), 0, deadline);
    }
}

namespace {

std::int64_t sys_clock_gettime(int id, Address to) {
    const ClockKind kind = kind_of_clock(id);
    if (kind == ClockKind::kUnknown) return -EINVAL;
    return put(to, process().clock.now(kind));
}

std::int64_t sys_clock_getres(int id, Address to) {
    if (kind_of_clock(id) == ClockKind::kUnknown) return -EINVAL;
    return to != 0 ? put(to, timespec{0, 1}) : 0;
}

std::int64_t sys_gettimeofday(Address time, Address zone) {
    const timespec now = process().clock.now(ClockKind::kWall);
    if (time != 0) TRY_ERRNO(put(time, timeval{now.tv_sec, now.tv_nsec / 1000}));
    return zone != 0 ? put(zone, std::uint64_t{0}) : 0;
}

std::int64_t sys_time(Address to) {
    const time_t now = process().clock.now(ClockKind::kWall).tv_sec;
    if (to != 0) TRY_ERRNO(put(to, now));
    return now;
}

// Nothing can interrupt a sleep: signals come from the sleeper itself only.
std::int64_t sys_nanosleep(Address from, Address) {
    timespec time;
    std::uint64_t nanoseconds;
    if (!get(from, time)) return -EFAULT;
    if (!to_nanoseconds(time, nanoseconds)) return -EINVAL;
    sleep_for(nanoseconds);
    return 0;
}

std::int64_t sys_clock_nanosleep(int id, int flags, Address from, Address) {
    const ClockKind kind = kind_of_clock(id);
    timespec time;
    std::uint64_t nanoseconds;
    if (kind == ClockKind::kUnknown || (flags & ~TIMER_ABSTIME)) return -EINVAL;
    if (!get(from, time)) return -EFAULT;
    if (!to_nanoseconds(time, nanoseconds)) return -EINVAL;
    if (flags & TIMER_ABSTIME) {
        const std::uint64_t now = process().clock.read(kind);
        nanoseconds = nanoseconds > now ? nanoseconds - now : 0;
    }
    sleep_for(nanoseconds);
    return 0;
}

// The kernel reads the word itself, so the address must be one that it can.
std::int64_t futex_wait(Address word, std::uint32_t expected, std::uint64_t deadline) {
    std::uint32_t value;
    if (process().memory.areas().find(word) == nullptr || !get(word, value)) return -EFAULT;
    if (value != expected) return -EAGAIN;
    const std::int64_t result = kernel_call(abi::Call::kWait, word, expected, deadline);
    if (result == static_cast<std::int64_t>(abi::CallError::kTimedOut)) return -ETIMEDOUT;
    if (result == static_cast<std::int64_t>(abi::CallError::kNotEqual)) return -EAGAIN;
    // Woken without a reason is allowed; by the deadline it is a timeout.
    return deadline != 0 && read_tsc() >= deadline ? -ETIMEDOUT : 0;
}

std::int64_t sys_futex(Address word, int operation, std::uint32_t value, std::uint64_t time_or_count) {
    if (word % 4 != 0) return -EINVAL;
    const int command = operation & FUTEX_CMD_MASK;
    switch (command) {
        case FUTEX_WAIT:
        case FUTEX_WAIT_BITSET: {
            std::uint64_t deadline = 0;
            if (time_or_count != 0) {
                timespec time;
                std::uint64_t nanoseconds;
                if (!get(time_or_count, time)) return -EFAULT;
                if (!to_nanoseconds(time, nanoseconds)) return -EINVAL;
                if (command == FUTEX_WAIT_BITSET) {  // absolute
                    const ClockKind kind =
                        operation & FUTEX_CLOCK_REALTIME ? ClockKind::kWall : ClockKind::kMonotonic;
                    const std::uint64_t now = process().clock.read(kind);
                    nanoseconds = nanoseconds > now ? nanoseconds - now : 0;
                }
                deadline = process().clock.deadline(nanoseconds);
            }
            return futex_wait(word, value, deadline);
        }
        case FUTEX_WAKE:
        case FUTEX_WAKE_BITSET:
        case FUTEX_REQUEUE:
        case FUTEX_CMP_REQUEUE: {
            std::uint32_t present;
            if (process().memory.areas().find(word) == nullptr || !get(word, present)) return -EFAULT;
            return kernel_call(abi::Call::kWake, word, value);
        }
        default:
            return -ENOSYS;
    }
}

}  // namespace

ENCLAVISOR_CALL(clock_gettime)
ENCLAVISOR_CALL(clock_getres)
ENCLAVISOR_CALL(gettimeofday)
ENCLAVISOR_CALL(time)
ENCLAVISOR_CALL(nanosleep)
ENCLAVISOR_CALL(clock_nanosleep)
ENCLAVISOR_CALL(futex)

}  // namespace enclavisor::runtime
