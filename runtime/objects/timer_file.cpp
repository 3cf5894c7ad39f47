#include "runtime/objects/timer_file.hpp"

namespace enclavisor::runtime {

void TimerFile::set(std::uint64_t first, std::uint64_t interval) {
    first_ = first;
    interval_ = interval;
    taken_ = told_ = 0;
    // Who waits has another deadline now.
    queue_.notify(POLLIN);
}

std::uint64_t TimerFile::expirations() const {
    const std::uint64_t time = now();
    if (first_ == 0 || time < first_) return 0;
    return interval_ == 0 ? 1 : 1 + (time - first_) / interval_;
}

std::uint64_t TimerFile::left() const {
    if (first_ == 0) return 0;
    const std::uint64_t time = now();
    if (time < first_) return first_ - time;
    return interval_ == 0 ? 0 : interval_ - (time - first_) % interval_;
}

std::uint64_t TimerFile::refresh() {
    const std::uint64_t expired = expirations();
    if (expired > told_) {
        told_ = expired;
        queue_.notify(POLLIN);
    }
    const std::uint64_t rest = left();
    return rest == 0 ? 0 : clock_->read(ClockKind::kMonotonic) + rest;
}

std::int64_t TimerFile::take(const Buffers& to) {
    if (to.size() < sizeof(std::uint64_t)) return -EINVAL;
    const std::uint64_t expired = expirations();
    if (expired <= taken_) return -EAGAIN;
    const std::uint64_t count = expired - taken_;
    if (!to.write(0, &count, sizeof(count))) return -EFAULT;
    taken_ = expired;
    return sizeof(count);
}

}  // namespace enclavisor::runtime
