#include "host/lib/tsc.hpp"

#include <time.h>
#include <x86intrin.h>

namespace enclavisor::host {
namespace {

constexpr std::uint64_t kMeasureNs = 5'000'000;

struct Sample {
    std::uint64_t tsc, ns;
};

std::uint64_t now_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

// The tightest of a few readings, so that a preemption in between does not count.
Sample sample() {
    Sample best{};
    std::uint64_t width = ~0ull;
    for (int i = 0; i < 16; i++) {
        const std::uint64_t before = __rdtsc();
        const std::uint64_t ns = now_ns();
        const std::uint64_t after = __rdtsc();
        if (after - before < width) {
            width = after - before;
            best = {before + width / 2, ns};
        }
    }
    return best;
}

}  // namespace

std::uint64_t measure_tsc_khz() {
    static const std::uint64_t khz = [] {
        const Sample begin = sample();
        const timespec pause{0, static_cast<long>(kMeasureNs)};
        ::nanosleep(&pause, nullptr);
        const Sample end = sample();
        if (end.ns <= begin.ns || end.tsc <= begin.tsc) return std::uint64_t{0};
        return (end.tsc - begin.tsc) * 1'000'000 / (end.ns - begin.ns);
    }();
    return khz;
}

}  // namespace enclavisor::host
