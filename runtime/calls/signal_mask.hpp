// The signal mask that ppoll and its relatives have for the time of their wait.
#pragma once

#include "runtime/calls/call.hpp"

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

}  // namespace enclavisor::runtime
