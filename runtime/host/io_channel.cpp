#include "runtime/host/io_channel.hpp"

namespace enclavisor::runtime {
namespace {

// About as long as the proxy takes to answer a short call when it polls too.
constexpr int kSpins = 2000;
// While other threads wait too, the processor is theirs, or the proxy's.
constexpr int kFewSpins = 50;

std::uint32_t load(const std::uint32_t& word) {
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
void store(std::uint32_t& word, std::uint32_t value) {
    __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}
void fence() {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

// One read or write of memory that the host may change meanwhile.
template <typename T>
T read_once(const T& shared) {
    return *const_cast<const volatile T*>(&shared);
}
template <typename T>
void write_once(T& shared, T value) {
    *const_cast<volatile T*>(&shared) = value;
}

}  // namespace

void IoChannel::submit(abi::SubmissionEntry& entry, std::size_t arguments) {
    abi::SubmissionEntry& slot = header_->entries[submitted_ % abi::kIoDepth];
    entry.id = submitted_;
    write_once(slot.call, entry.call);
    write_once(slot.id, entry.id);
    for (std::size_t i = 0; i < arguments; i++) write_once(slot.arguments[i], entry.arguments[i]);
    store(header_->submitted, ++submitted_);
    fence();
    if (load(header_->host_waits) == 1 || unknown_) ring();
}

void IoChannel::ring() {
    counts_->rings++;
    unknown_ = false;
    if (index_ != 0) __atomic_fetch_or(&first_->attention, 1ull << index_, __ATOMIC_SEQ_CST);
    waiter_->ring();
}

void IoChannel::cut_short() {
    cut_short_ = true;
    store(header_->cancel, submitted_);
    __atomic_fetch_or(&first_->attention, 1ull << index_, __ATOMIC_SEQ_CST);
    waiter_->ring();
}

void IoChannel::await(Patience patience) {
    const std::uint32_t before = submitted_ - 1;
    auto arrived = [&] {
        const std::uint32_t completed = load(header_->completed);
        if (completed == submitted_) return true;
        if (completed != before) waiter_->broken(kRuleIndex);
        return false;
    };
    const int spins = patience.alone ? kSpins : kFewSpins;
    for (int i = 0; i < spins; i++) {
        if (arrived()) {
            counts_->rounds += i;
            return;
        }
        __builtin_ia32_pause();
    }
    counts_->rounds += spins;
    for (;;) {
        store(header_->enclave_waits, 1);
        fence();
        if (arrived()) break;
        if (patience.interruptible && !cut_short_ && waiter_->interrupted()) cut_short();
        waiter_->wait(before, abi::io_area_offset(index_) + offsetof(abi::IoHeader, completed));
    }
    store(header_->enclave_waits, 0);
}

std::int64_t IoChannel::call(abi::SubmissionEntry& entry, std::size_t arguments, Patience patience) {
    const std::uint32_t index = submitted_ % abi::kIoDepth;
    cut_short_ = false;
    submit(entry, arguments);
    await(patience);
    const abi::CompletionEntry& completion = header_->completions[index];
    if (read_once(completion.id) != entry.id) waiter_->broken(kRuleId);
    return read_once(completion.result);
}

}  // namespace enclavisor::runtime
