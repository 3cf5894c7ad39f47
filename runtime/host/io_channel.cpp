#include "runtime/host/io_channel.hpp"

namespace enclavisor::runtime {
namespace {

// About as long as the proxy takes to answer a short call when it polls too.
constexpr int kSpins = 2000;
// While other threads wait too, the processor is theirs, or the proxy's.
constexpr int kFewSpins = 50;

}  // namespace

void IoChannel::ring() {
    counts_->rings++;
    unknown_ = false;
    if (index_ != 0) __atomic_fetch_or(&first_->attention, 1ull << index_, __ATOMIC_SEQ_CST);
    waiter_->ring();
}

void IoChannel::cut_short() {
    cut_short_ = true;
    base::store_shared(header_->cancel, submitted_);
    __atomic_fetch_or(&first_->attention, 1ull << index_, __ATOMIC_SEQ_CST);
    waiter_->ring();
}

void IoChannel::await(Patience patience) {
    const int spins = patience.alone ? kSpins : kFewSpins;
    const std::uint32_t before = submitted_ - 1;
    for (int i = 0; i < spins; i++) {
        const std::uint32_t completed = base::load_shared(header_->completed);
        if (completed != before) {
            if (completed != submitted_) waiter_->broken(kRuleIndex);
            counts_->rounds += i;
            return;
        }
        __builtin_ia32_pause();
    }
    sleep(patience, spins);
}

void IoChannel::sleep(Patience patience, int spins) {
    const std::uint32_t before = submitted_ - 1;
    const std::uint64_t word = abi::io_area_offset(index_) + offsetof(abi::IoHeader, completed);
    counts_->rounds += spins;
    for (;;) {
        base::store_shared(header_->enclave_waits, 1);
        base::full_fence();
        if (base::load_shared(header_->completed) != before) break;
        if (patience.interruptible && !cut_short_ && waiter_->interrupted()) cut_short();
        waiter_->wait(before, word);
    }
    base::store_shared(header_->enclave_waits, 0);
    if (base::load_shared(header_->completed) != submitted_) waiter_->broken(kRuleIndex);
}

}  // namespace enclavisor::runtime
