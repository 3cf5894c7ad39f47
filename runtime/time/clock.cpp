#include "runtime/time/clock.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kDefaultKhz = 1'000'000;
constexpr std::uint64_t kForever = 1ull << 62;

}  // namespace

void Clock::start(TimeData* data, std::uint64_t tsc_khz, std::uint64_t wall_ns, std::uint64_t monotonic_ns) {
    tsc_khz_ = tsc_khz != 0 ? tsc_khz : kDefaultKhz;
    data_ = data;
    data_->start_tsc = data_->last_tsc = __builtin_ia32_rdtsc();
    data_->multiplier = (1'000'000ull << 32) / tsc_khz_;
    data_->wall_ns = wall_ns;
    data_->monotonic_ns = monotonic_ns;
}

timespec Clock::now(ClockKind kind) const {
    return to_timespec(read(kind));
}

std::uint64_t Clock::deadline(std::uint64_t nanoseconds) const {
    constexpr std::uint64_t kMillisecond = 1'000'000;
    const std::uint64_t rest = nanoseconds % kMillisecond * tsc_khz_ / kMillisecond + 1;
    std::uint64_t ticks;
    if (__builtin_mul_overflow(nanoseconds / kMillisecond, tsc_khz_, &ticks)) return ~0ull;
    if (__builtin_add_overflow(ticks, rest + __builtin_ia32_rdtsc(), &ticks)) return ~0ull;
    return ticks;
}

bool to_nanoseconds(const timespec& time, std::uint64_t& nanoseconds) {
    if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= static_cast<long>(kNanoseconds)) return false;
    constexpr auto kMostSeconds = static_cast<time_t>(kForever / kNanoseconds);
    nanoseconds = time.tv_sec >= kMostSeconds ? kForever
                                              : static_cast<std::uint64_t>(time.tv_sec) * kNanoseconds +
                                                    static_cast<std::uint64_t>(time.tv_nsec);
    return true;
}

}  // namespace enclavisor::runtime
