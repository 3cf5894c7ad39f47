// When a timer expires: once, or again and again. Times are nanoseconds of the monotonic clock.
#pragma once

#include <cstdint>

namespace enclavisor::runtime {

class Schedule {
public:
    // `next` 0: never. `interval` 0: once.
    void set(std::uint64_t next, std::uint64_t interval) { next_ = next, interval_ = interval; }

    std::uint64_t next() const { return next_; }
    std::uint64_t interval() const { return interval_; }

    // Until the next time; 0: there is none.
    std::uint64_t left(std::uint64_t now) const {
        if (next_ == 0) return 0;
        if (now < next_) return next_ - now;
        // One that is over and was not seen to be yet is not said to be off.
        return interval_ == 0 ? 1 : interval_ - (now - next_) % interval_;
    }

    // The time that has come is over: the next one is the interval's.
    void advance() {
        if (interval_ == 0 || __builtin_add_overflow(next_, interval_, &next_)) next_ = 0;
    }

    // Passes over the times until `now`; how many there were.
    std::uint64_t pass(std::uint64_t now) {
        if (next_ == 0 || next_ > now) return 0;
        const std::uint64_t count = interval_ == 0 ? 1 : (now - next_) / interval_ + 1;
        next_ += (count - 1) * interval_;
        advance();
        return count;
    }

private:
    std::uint64_t next_ = 0, interval_ = 0;
};

}  // namespace enclavisor::runtime
