// The areas of the enclave's I/O window, and which of them are free. A thread
// takes one for the duration of a forwarded call; the lowest first, so that a
// program with one thread always has the largest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/host/io_channel.hpp"

namespace enclavisor::runtime {

class AreaPool {
public:
    AreaPool(std::byte* window, std::uint64_t size, IoWaiter& waiter, IoCounts& counts) {
        const std::uint64_t count = abi::io_area_count(size);
        for (std::uint64_t i = 0; i < count; i++) channels_.emplace_back(window, i, waiter, counts);
        free_ = all_ = count == 64 ? ~0ull : (1ull << count) - 1;
    }

    // The window was replaced by another, of zeros. No area is taken.
    void restart() {
        for (IoChannel& channel : channels_) channel.restart();
    }

    IoChannel& first() { return channels_[0]; }
    bool empty() const { return free_ == 0; }
    bool only_one_left() const { return (free_ & (free_ - 1)) == 0; }
    bool only_first_taken() const { return free_ == all_ - 1; }
    // Nobody else is in a call, and there are areas for others.
    bool quiet() const { return free_ == all_ && all_ != 1; }

    // Precondition: not empty().
    IoChannel& take() {
        const int index = __builtin_ctzll(free_);
        free_ &= free_ - 1;
        return channels_[static_cast<std::size_t>(index)];
    }
    void give_back(IoChannel& channel) { free_ |= 1ull << channel.index(); }

    // What one buffer of the next call can carry at most.
    std::uint64_t most_bytes() const { return free_ & 1 ? kMaxTransfer : kMaxFurtherTransfer; }

private:
    std::vector<IoChannel> channels_;
    std::uint64_t free_, all_;
};

}  // namespace enclavisor::runtime
