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

}  // namespace enclavisor::host
