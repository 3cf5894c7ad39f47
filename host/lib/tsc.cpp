#include "host/lib/tsc.hpp"

#include <x86intrin.h>

#include <chrono>
#include <thread>

namespace enclavisor::host {
namespace {

constexpr std::chrono::milliseconds kMeasure{5};

struct Sample {
    std::uint64_t tsc = 0;
    std::chrono::steady_clock::time_point time;
};

// The tightest of a few readings, so that a preemption in between does not count.
Sample sample() {
    Sample best{};
    std::uint64_t width = ~0ull;
    for (int i = 0; i < 16; i++) {
        const std::uint64_t before = __rdtsc();
        const auto now = std::chrono::steady_clock::now();
        const std::uint64_t after = __rdtsc();
        if (after - before < width) {
            width = after - before;
            best = {before + width / 2, now};
        }
    }
    return best;
}

}  // namespace

std::uint64_t measure_tsc_khz() {
    static const std::uint64_t khz = [] {
        const Sample begin = sample();
        std::this_thread::sleep_for(kMeasure);
        const Sample end = sample();
        const std::chrono::nanoseconds time = end.time - begin.time;
        if (time.count() <= 0 || end.tsc <= begin.tsc) return std::uint64_t{0};
        return (end.tsc - begin.tsc) * 1'000'000 / static_cast<std::uint64_t>(time.count());
    }();
    return khz;
}

double seconds_of_ticks(std::uint64_t ticks) {
    const std::uint64_t khz = measure_tsc_khz();
    return khz == 0 ? 0 : static_cast<double>(ticks) / (static_cast<double>(khz) * 1000);
}

}  // namespace enclavisor::host
