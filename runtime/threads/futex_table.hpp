// Who waits on which word of the program. Pure bookkeeping: the caller sleeps
// and wakes, and holds a lock around it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/list.hpp"

namespace enclavisor::runtime {

struct Thread;

// A word: its address, and whose address space that is in.
struct FutexKey {
    std::uint64_t address = 0;
    const void* space = nullptr;
    bool operator==(const FutexKey&) const = default;
};

struct FutexWaiter {
    base::ListLink<FutexWaiter> link;
    FutexKey key;  // address 0: waits for nothing
    std::uint32_t bitset = 0;
    Thread* thread = nullptr;
};

class FutexTable {
public:
    // `waiter` waits on the word, behind those that are there.
    void add(FutexWaiter& waiter, FutexKey key, std::uint32_t bitset) {
        waiter.bitset = bitset;
        append(waiter, key);
    }
    void remove(FutexWaiter& waiter) {
        bucket_of(waiter.key).remove(&waiter);
        waiter.key = {};
    }

    // Takes up to `most` waiters off whose bitsets meet `bitset`, the longest waiting
    // first, and calls `wake` with each; how many.
    template <typename Wake>
    std::int64_t wake(FutexKey key, std::int64_t most, std::uint32_t bitset, Wake wake) {
        return for_waiters(key, most, bitset, [&](FutexWaiter& waiter) {
            remove(waiter);
            wake(waiter);
        });
    }

    // Moves up to `most` waiters from one word to another; how many.
    std::int64_t requeue(FutexKey from, FutexKey to, std::int64_t most) {
        if (from == to) return for_waiters(from, most, ~0u, [](FutexWaiter&) {});
        return for_waiters(from, most, ~0u, [&](FutexWaiter& waiter) {
            remove(waiter);
            append(waiter, to);
        });
    }

private:
    using Bucket = base::List<FutexWaiter, &FutexWaiter::link>;
    static constexpr std::size_t kBuckets = 256;

    Bucket& bucket_of(FutexKey key) { return buckets_[(key.address >> 2 ^ key.address >> 12) % kBuckets]; }
    void append(FutexWaiter& waiter, FutexKey key) {
        waiter.key = key;
        bucket_of(key).push_back(&waiter);
    }
    // A word moved to another of the same bucket stands behind: `next` is taken before.
    template <typename Visit>
    std::int64_t for_waiters(FutexKey key, std::int64_t most, std::uint32_t bitset, Visit visit) {
        std::int64_t count = 0;
        FutexWaiter* next;
        for (FutexWaiter* w = bucket_of(key).first(); w != nullptr && count < most; w = next) {
            next = Bucket::next(w);
            if (w->key != key || !(w->bitset & bitset)) continue;
            visit(*w);
            count++;
        }
        return count;
    }

    std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace enclavisor::runtime
