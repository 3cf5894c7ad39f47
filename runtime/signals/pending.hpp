// Signals that wait to be taken: one of each ordinary kind, real-time ones in
// their order.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/signals/frame.hpp"

namespace enclavisor::runtime {

inline constexpr int kSignalCount = 64;
inline constexpr int kFirstRealTime = 32;

constexpr std::uint64_t signal_bit(int number) {
    return 1ull << (number - 1);
}

// SignalInfo::padding while a signal waits. It was sent to the process; it is that of a timer
// which waits for it (timers/timer.hpp).
inline constexpr std::int32_t kToProcess = 1, kOfTimer = 2;

class PendingSignals {
public:
    std::uint64_t set() const { return set_; }

    // False: too many of a real-time kind wait. A timer's comes beside another of its kind, and
    // always has room: there is one for each timer.
    bool add(const SignalInfo& info);
    // Takes the first of the lowest number in `allowed`. False: there is none.
    bool take(std::uint64_t allowed, SignalInfo& info);
    void forget(int number);
    void forget_timers();

private:
    static constexpr std::size_t kMost = 1024;
    void refresh(int number);

    std::uint64_t set_ = 0;
    std::vector<SignalInfo> queue_;
};

}  // namespace enclavisor::runtime
