#include "host/lib/io_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "abi/host/forwarded_calls.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/shared_word.hpp"

namespace enclavisor::host {
namespace {

// How long to poll before sleeping. A sleep that ends soon was a mistake: waking up
// takes both sides longer than polling would have.
constexpr std::chrono::microseconds kLongestSpin{1000};
constexpr int kLooksPerClock = 64;  // reading the clock costs more than looking
// QEMU's TCG leaves a guest's fences out when there is one vCPU. What the enclave
// submitted may then be seen a little after it looked whether anybody sleeps.
constexpr std::chrono::milliseconds kFirstSleep{1};

// One that is to be cut short is not begun if it does nothing but wait. Others are made: like Linux,
// they are interrupted only where they would wait.
bool only_waits(const abi::SubmissionEntry& entry) {
    const auto call = static_cast<abi::ForwardedCall>(entry.call);
    return call == abi::ForwardedCall::kPoll || call == abi::ForwardedCall::kEpollWait ||
           call == abi::ForwardedCall::kAccept;
}

}  // namespace

bool IoLoop::fresh() const {
    return load(header_.submitted) != completed_.load(std::memory_order_relaxed) || stopped_.load();
}

bool IoLoop::cut_short() const {
    const std::uint32_t completed = completed_.load();
    return load(header_.cancel) == completed + 1 && load(header_.submitted) != completed;
}

void IoLoop::spin() {
    if (spinners_ != nullptr && spinners_->fetch_add(1) >= most_spinners_) {
        spinners_->fetch_sub(1);
        return;
    }
    const auto spin_end = std::chrono::steady_clock::now() + spin_;
    do {
        for (int i = 0; i < kLooksPerClock && !fresh(); i++) __builtin_ia32_pause();
    } while (!fresh() && std::chrono::steady_clock::now() < spin_end);
    if (spinners_ != nullptr) spinners_->fetch_sub(1);
}

bool IoLoop::wait_for_submission() {
    for (;;) {
        const auto begin = std::chrono::steady_clock::now();
        spin();
        if (fresh()) return !stopped_.load();
        store(header_.host_waits, 1);
        full_fence();
        if (!fresh()) futex_wait(header_.host_waits, 1, kFirstSleep);
        if (!fresh()) futex_wait(header_.host_waits, 1);
        store(header_.host_waits, 0);
        const bool soon = std::chrono::steady_clock::now() - begin < 2 * kLongestSpin;
        spin_ = soon ? std::min(2 * spin_, std::max(kLongestSpin, shortest_spin_))
                     : std::max(spin_ / 2, shortest_spin_);
    }
}

bool IoLoop::serve() {
    const std::uint32_t submitted = load(header_.submitted);
    if (submitted - completed_.load() > abi::kIoDepth) return false;
    while (completed_.load() != submitted && !stopped_.load()) {
        const std::uint32_t slot = completed_.load() % abi::kIoDepth;
        const abi::SubmissionEntry entry = base::copy_from_shared(header_.entries[slot]);
        abi::CompletionEntry completion{};
        completion.id = entry.id;
        in_call_.store(true);
        completion.result = only_waits(entry) && cut_short() ? -EINTR : handler_(entry, data_);
        in_call_.store(false);
        header_.completions[slot] = completion;
        store(header_.completed, completed_.fetch_add(1) + 1);
        full_fence();
        if (load(header_.enclave_waits) != 0) ring(guest_doorbell_);
    }
    return true;
}

bool IoLoop::run() {
    bool kept = true;
    while (kept && wait_for_submission()) kept = serve();
    ended_.store(true);
    return kept;
}

void IoLoop::stop() {
    stopped_.store(true);
    full_fence();
    store(header_.host_waits, 0);
    futex_wake_all(header_.host_waits);
}

}  // namespace enclavisor::host
