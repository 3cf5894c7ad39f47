// The page that the clock is read from, by the runtime and by the vDSO inside
// the program. Compiled into both.
#pragma once

#include <cstdint>

namespace enclavisor::runtime {

struct TimeData {
    std::uint64_t start_tsc;
    std::uint64_t multiplier;    // nanoseconds per tick, 32.32 fixed point
    std::uint64_t wall_ns;       // CLOCK_REALTIME at start_tsc; the host's word for it
    std::uint64_t monotonic_ns;  // CLOCK_MONOTONIC at start_tsc
    std::uint64_t last_tsc;      // the latest that anyone has seen
};

// Nanoseconds since the start. Never less than an earlier answer, even if the
// host turns the counter back.
inline std::uint64_t elapsed_ns(TimeData& data) {
    std::uint64_t tsc = __builtin_ia32_rdtsc();
    std::uint64_t last = __atomic_load_n(&data.last_tsc, __ATOMIC_RELAXED);
    while (tsc > last) {
        if (__atomic_compare_exchange_n(&data.last_tsc, &last, tsc, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            break;
    }
    if (tsc < last) tsc = last;
    return static_cast<std::uint64_t>(
        static_cast<unsigned __int128>(tsc - data.start_tsc) * data.multiplier >> 32);
}

inline constexpr std::uint64_t kNanoseconds = 1'000'000'000;

enum class ClockKind { kWall, kMonotonic, kProcess, kUnknown };

// What each clockid_t is made from. Coarse, raw and boot-time clocks are the
// monotonic one; processor time is the time since the start.
constexpr ClockKind kind_of_clock(int id) {
    switch (id) {
        case 0:  // CLOCK_REALTIME
        case 5:  // CLOCK_REALTIME_COARSE
        case 8:  // CLOCK_REALTIME_ALARM
        case 11:
            return ClockKind::kWall;  // CLOCK_TAI
        case 1:                       // CLOCK_MONOTONIC
        case 4:                       // CLOCK_MONOTONIC_RAW
        case 6:                       // CLOCK_MONOTONIC_COARSE
        case 7:                       // CLOCK_BOOTTIME
        case 9:
            return ClockKind::kMonotonic;  // CLOCK_BOOTTIME_ALARM
        case 2:                            // CLOCK_PROCESS_CPUTIME_ID
        case 3:
            return ClockKind::kProcess;  // CLOCK_THREAD_CPUTIME_ID
        default:
            return ClockKind::kUnknown;
    }
}

inline std::uint64_t read_clock(TimeData& data, ClockKind kind) {
    const std::uint64_t elapsed = elapsed_ns(data);
    if (kind == ClockKind::kWall) return data.wall_ns + elapsed;
    if (kind == ClockKind::kMonotonic) return data.monotonic_ns + elapsed;
    return elapsed;
}

}  // namespace enclavisor::runtime
