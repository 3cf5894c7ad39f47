#include "host/lib/io_loop.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "host/lib/shared_word.hpp"

namespace enclavisor::host {
namespace {

// How long to poll before sleeping. A sleep that ends soon was a mistake: waking up
// takes both sides longer than polling would have.
constexpr std::chrono::microseconds kLongestSpin{400};
constexpr int kLooksPerClock = 64;  // reading the clock costs more than looking

}  // namespace

bool IoLoop::wait_for_submission() {
    const auto fresh = [this] { return load(header_.submitted) != completed_ || stopped_.load(); };
    for (;;) {
        const auto begin = std::chrono::steady_clock::now();
        const auto spin_end = begin + spin_;
        do {
            for (int i = 0; i < kLooksPerClock; i++) {
                if (fresh()) return !stopped_.load();
                __builtin_ia32_pause();
            }
        } while (std::chrono::steady_clock::now() < spin_end);
        store(header_.host_waits, 1);
        full_fence();
        if (!fresh()) futex_wait(header_.host_waits, 1);
        store(header_.host_waits, 0);
        const bool soon = std::chrono::steady_clock::now() - begin < 2 * kLongestSpin;
        spin_ = soon ? std::min(2 * spin_, std::max(kLongestSpin, shortest_spin_))
                     : std::max(spin_ / 2, shortest_spin_);
    }
}

bool IoLoop::run() {
    while (wait_for_submission()) {
        const std::uint32_t submitted = load(header_.submitted);
        if (submitted - completed_ > abi::kIoDepth) return false;
        while (completed_ != submitted && !stopped_.load()) {
            const std::uint32_t slot = completed_ % abi::kIoDepth;
            const abi::SubmissionEntry entry = copy_in(header_.entries[slot]);
            abi::CompletionEntry completion{};
            completion.id = entry.id;
            completion.result = handler_(entry, data_);
            header_.completions[slot] = completion;
            completed_++;
            store(header_.completed, completed_);
            served_.fetch_add(1);
            full_fence();
            if (load(header_.enclave_waits) == 0) continue;
            const std::uint64_t one = 1;
            [[maybe_unused]] const ssize_t written = ::write(guest_doorbell_, &one, sizeof(one));
        }
    }
    return true;
}

void IoLoop::stop() {
    stopped_.store(true);
    full_fence();
    store(header_.host_waits, 0);
    futex_wake_all(header_.host_waits);
}

}  // namespace enclavisor::host
