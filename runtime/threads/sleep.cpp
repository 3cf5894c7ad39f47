#include "runtime/threads/sleep.hpp"

#include "runtime/signals/outside.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/threads/lock.hpp"

namespace enclavisor::runtime {

Slept sleep(std::uint64_t deadline) {
    Thread& thread = this_thread();
    thread.wake = 0;
    for (;;) {
        // An interrupt that came before stays with the kernel until the wait below, unless
        // the wait for the lock took it: then its reason is seen here.
        const bool taken = take_signals_from_outside();
        if (thread.has_signal()) return Slept::kSignal;
        if (taken && (thread.wake != 0 || thread.was_notified())) return Slept::kWoken;
        std::int64_t result;
        thread.asleep = true;
        {
            const Unlocked unlocked;
            result =
                kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&thread.wake), 0, deadline);
        }
        thread.asleep = false;
        note_interrupt(result);
        if (thread.wake != 0) return Slept::kWoken;
        if (result == static_cast<std::int64_t>(abi::CallError::kTimedOut)) return Slept::kTimedOut;
    }
}

void sleep_once() {
    Thread& thread = this_thread();
    thread.wake = 0;
    thread.asleep = true;
    {
        const Unlocked unlocked;
        kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&thread.wake), 0, 0);
    }
    thread.asleep = false;
    take_signals_from_outside();
}

void wake(Thread& thread) {
    __atomic_store_n(&thread.wake, 1, __ATOMIC_RELAXED);
    kernel_call(abi::Call::kWake, reinterpret_cast<std::uint64_t>(&thread.wake), 1);
}

}  // namespace enclavisor::runtime
