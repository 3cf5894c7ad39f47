// What poll, select and epoll share: timeouts, waiting at the host, and the signal mask
// for the time of a wait.
#pragma once

#include "runtime/calls/call.hpp"
#include "runtime/host/host.hpp"
#include "runtime/threads/wait.hpp"

namespace enclavisor::runtime {

class WithMask {
public:
    // `address` 0: none.
    std::int64_t set(Address address, std::uint64_t size) {
        std::uint64_t mask;
        if (address == 0) return 0;
        if (size != sizeof(mask)) return -EINVAL;
        if (!get(address, mask)) return -EFAULT;
        this_thread().signals.suspend();
        set_signal_mask(mask);
        return 0;
    }
    // The wait's result. After EINTR the old mask comes back with the end of the handler.
    std::int64_t end(std::int64_t result) {
        ThreadSignals& signals = this_thread().signals;
        if (signals.suspended() && !(result == -EINTR && this_thread().has_signal())) {
            set_signal_mask(signals.stop_suspending());
        }
        return result;
    }
};

// A timeout as a deadline (threads/wait.hpp); address 0: none. A timeout of 0 is a
// deadline that has passed. 0 or -errno.
std::int64_t get_deadline(Address from, std::uint64_t& deadline);
// The same of a count; what is too long is for ever.
std::uint64_t deadline_of(std::uint64_t nanoseconds);
std::uint64_t deadline_of_milliseconds(int milliseconds);  // negative: none

// Of an honest host only a signal ends a wait without a timeout: so many answers without
// anything in them, and no more.
inline constexpr int kMostEmptyAnswers = 8;

// A call of the host's whose last argument is its timeout: until `wakes`, or without
// waiting. A change of what the thread waits for inside ends it too.
template <typename... Values>
std::int64_t wait_at_host(bool may_wait, std::uint64_t wakes, abi::ForwardedCall call, Values... values) {
    const bool for_ever = may_wait && wakes == kNoDeadline;
    const timespec left = to_timespec(may_wait && !for_ever ? nanoseconds_to(wakes) : 0);
    const WaitingAtHost waiting;
    return forward(call, values..., for_ever ? nullptr : &left);
}

}  // namespace enclavisor::runtime
