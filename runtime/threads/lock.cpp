#include "runtime/threads/lock.hpp"

#include "runtime/support/kernel_call.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {
namespace {

// What is done under the lock is short; on several vCPUs it is over soon.
constexpr int kSpins = 50;

}  // namespace

constinit RuntimeLock runtime_lock;

void RuntimeLock::wait() {
    for (int i = 0; i < kSpins; i++) {
        std::uint32_t expected = kFree;
        if (__atomic_compare_exchange_n(&word_, &expected, kHeld, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return;
        if (expected == kWanted) break;
        __builtin_ia32_pause();
    }
    while (__atomic_exchange_n(&word_, kWanted, __ATOMIC_ACQUIRE) != kFree) {
        note_interrupt(kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&word_), kWanted, 0));
    }
}

void RuntimeLock::wake() {
    kernel_call(abi::Call::kWake, reinterpret_cast<std::uint64_t>(&word_), 1);
}

}  // namespace enclavisor::runtime
