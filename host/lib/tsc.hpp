// Frequency of the time-stamp counter, a hint for the kernel.
#pragma once

#include <cstdint>

namespace enclavisor::host {

// Measured against CLOCK_MONOTONIC over a few milliseconds; 0 if it makes no sense.
std::uint64_t measure_tsc_khz();

// 0 if the frequency makes no sense.
double seconds_of_ticks(std::uint64_t ticks);

}  // namespace enclavisor::host
