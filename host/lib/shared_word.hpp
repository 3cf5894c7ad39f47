// Access to 32-bit words in memory that another party writes at the same time.
// A word is read once, into a private value; nothing else refers to it.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/shared_memory.hpp"

namespace enclavisor::host {

inline std::uint32_t load(const std::uint32_t& word) {
    return base::load_shared(word);
}
inline void store(std::uint32_t& word, std::uint32_t value) {
    base::store_shared(word, value);
}
using base::full_fence;

// Shared futexes: the word lies in the link, its sleeper in another process.
inline void futex_wait(const std::uint32_t& word, std::uint32_t expected,
                       std::optional<std::chrono::milliseconds> longest = std::nullopt) {
    timespec time{};
    if (longest) time.tv_nsec = longest->count() * 1'000'000;  // below a second
    ::syscall(SYS_futex, &word, FUTEX_WAIT, expected, longest ? &time : nullptr, nullptr, 0);
}
inline void futex_wake_all(const std::uint32_t& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, 0x7fffffff, nullptr, nullptr, 0);
}

// Copies a structure out of shared memory. The copy may be torn; it is private.
template <typename T>
T copy_in(const T& shared) {
    T copy;
    auto* to = reinterpret_cast<unsigned char*>(&copy);
    const auto* from = reinterpret_cast<const volatile unsigned char*>(&shared);
    if constexpr (sizeof(T) % 8 == 0 && alignof(T) == 8) {
        // Word by word, so that a word the writer stores at once is seen whole.
        auto* to_words = reinterpret_cast<std::uint64_t*>(to);
        const auto* words = reinterpret_cast<const volatile std::uint64_t*>(from);
        for (std::size_t i = 0; i < sizeof(T) / 8; i++) to_words[i] = words[i];
    } else {
        for (std::size_t i = 0; i < sizeof(T); i++) to[i] = from[i];
    }
    return copy;
}

}  // namespace enclavisor::host
