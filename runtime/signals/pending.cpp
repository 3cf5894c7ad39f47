#include "runtime/signals/pending.hpp"

#include <algorithm>

namespace enclavisor::runtime {

bool PendingSignals::add(const SignalInfo& info) {
    const std::uint64_t bit = signal_bit(info.number);
    const bool reserved = info.padding & kOfTimer;
    if (!reserved && info.number < kFirstRealTime && (set_ & bit)) return true;
    if (!reserved && queue_.size() >= kMost) return false;
    queue_.push_back(info);
    set_ |= bit;
    return true;
}

void PendingSignals::refresh(int number) {
    const bool more = std::any_of(queue_.begin(), queue_.end(),
                                  [&](const SignalInfo& info) { return info.number == number; });
    if (!more) set_ &= ~signal_bit(number);
}

bool PendingSignals::take(std::uint64_t allowed, SignalInfo& info) {
    const std::uint64_t ready = set_ & allowed;
    if (ready == 0) return false;
    const int number = __builtin_ctzll(ready) + 1;
    const auto found = std::find_if(queue_.begin(), queue_.end(),
                                    [&](const SignalInfo& waiting) { return waiting.number == number; });
    info = *found;
    queue_.erase(found);
    refresh(number);
    return true;
}

void PendingSignals::forget(int number) {
    if (!(set_ & signal_bit(number))) return;
    std::erase_if(queue_, [&](const SignalInfo& info) { return info.number == number; });
    set_ &= ~signal_bit(number);
}

void PendingSignals::forget_timers() {
    std::erase_if(queue_, [](const SignalInfo& info) { return info.padding & kOfTimer; });
    set_ = 0;
    for (const SignalInfo& info : queue_) set_ |= signal_bit(info.number);
}

}  // namespace enclavisor::runtime
