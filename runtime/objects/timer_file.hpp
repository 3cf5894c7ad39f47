// timerfd: a deadline of the enclave's own clock. It is nobody's thread: who waits
// for it sleeps until its deadline.
#pragma once

#include "runtime/objects/object_file.hpp"
#include "runtime/time/clock.hpp"

namespace enclavisor::runtime {

class TimerFile final : public AnonymousFile {
public:
    TimerFile(int flags, Clock& clock, ClockKind kind)
        : AnonymousFile{flags, "timerfd"}, clock_{&clock}, kind_{kind} {}

    // Nanoseconds. `first`: of the clock; 0: never. `interval` 0: once.
    void set(std::uint64_t first, std::uint64_t interval);
    std::uint64_t now() const { return clock_->read(kind_); }
    std::uint64_t left() const;  // 0: it will not expire
    std::uint64_t interval() const { return interval_; }

    short readiness() override { return expirations() > taken_ ? POLLIN : short{0}; }
    std::uint64_t refresh() override;
    TimerFile* timer() override { return this; }

protected:
    std::int64_t take(const Buffers& to) override;

private:
    std::uint64_t expirations() const;  // since it was set

    Clock* clock_;
    ClockKind kind_;
    std::uint64_t first_ = 0, interval_ = 0;
    std::uint64_t taken_ = 0, told_ = 0;  // of the expirations: read, and said to the queue
};

}  // namespace enclavisor::runtime
