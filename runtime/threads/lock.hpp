// The one lock of the runtime. A thread holds it while it handles a call, and
// releases it while it sleeps, waits for the host, or copies what the host sent:
// whoever does that by calling forward() or sleep() must expect that everything
// but its own objects and references has changed.
#pragma once

#include <cstdint>

namespace enclavisor::runtime {

class RuntimeLock {
public:
    void lock() {
        std::uint32_t expected = kFree;
        if (!__atomic_compare_exchange_n(&word_, &expected, kHeld, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            [[unlikely]] {
            wait();
        }
    }
    void unlock() {
        if (__atomic_exchange_n(&word_, kFree, __ATOMIC_RELEASE) == kWanted) [[unlikely]]
            wake();
    }

private:
    static constexpr std::uint32_t kFree = 0, kHeld = 1, kWanted = 2;  // kWanted: somebody may sleep
    [[gnu::cold, gnu::noinline]] void wait();
    [[gnu::cold, gnu::noinline]] void wake();

    std::uint32_t word_ = kFree;
};
extern RuntimeLock runtime_lock;

// Holds the lock for its life.
class Locked {
public:
    Locked() { runtime_lock.lock(); }
    ~Locked() { runtime_lock.unlock(); }
    Locked(const Locked&) = delete;
};

// Releases the lock, which the caller holds, for its life.
class Unlocked {
public:
    Unlocked() { runtime_lock.unlock(); }
    ~Unlocked() { runtime_lock.lock(); }
    Unlocked(const Unlocked&) = delete;
};

}  // namespace enclavisor::runtime
