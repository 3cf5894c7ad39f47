// The enclave's clocks: what the host said at the start, and the time-stamp
// counter from then on. The host can make them run wrong, never backwards.
#pragma once

#include <time.h>

#include <cstdint>

#include "runtime/time/time_data.hpp"

namespace enclavisor::runtime {

class Clock {
public:
    // `data` is the page that the vDSO reads. `tsc_khz`: the kernel's, of a
    // secure TSC, else the host's hint, of which the kernel has seen that it can be; 0: none.
    void start(TimeData* data, std::uint64_t tsc_khz, std::uint64_t wall_ns, std::uint64_t monotonic_ns);

    std::uint64_t read(ClockKind kind) const { return read_clock(*data_, kind); }
    timespec now(ClockKind kind) const;

    // The TSC value after `nanoseconds` more; never 0.
    std::uint64_t deadline(std::uint64_t nanoseconds) const;

private:
    TimeData* data_ = nullptr;
    std::uint64_t tsc_khz_ = 0;
};

inline timespec to_timespec(std::uint64_t nanoseconds) {
    return {static_cast<time_t>(nanoseconds / kNanoseconds), static_cast<long>(nanoseconds % kNanoseconds)};
}

// Nanoseconds of a time that the program gave; false: not a valid time. What is
// too long to count is the longest.
bool to_nanoseconds(const timespec& time, std::uint64_t& nanoseconds);

}  // namespace enclavisor::runtime
