// Access to memory that another party writes at the same time. What is read is
// copied once into a private value; nothing else refers to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace enclavisor::base {

inline std::uint32_t load_shared(const std::uint32_t& word) {
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
inline void store_shared(std::uint32_t& word, std::uint32_t value) {
    __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}
// Between announcing something and looking at what the other side announced.
inline void full_fence() {
    asm volatile("mfence" ::: "memory");
}

// A structure, word by word, so that a word which the writer stores at once is seen
// whole. It may be torn between words; it is private.
template <typename T>
T copy_from_shared(const T& shared) {
    using Word = std::conditional_t<alignof(T) >= 8, std::uint64_t, std::uint32_t>;
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(Word) == 0 && alignof(T) >= 4);
    T copy;
    auto* to = reinterpret_cast<Word*>(&copy);
    const auto* from = reinterpret_cast<const volatile Word*>(&shared);
    for (std::size_t i = 0; i < sizeof(T) / sizeof(Word); i++) to[i] = from[i];
    return copy;
}

// Bytes. Afterwards the compiler knows nothing of `to` but what is in memory, so
// that it cannot read the shared original a second time in its place.
inline void copy_from_shared(std::byte* to, std::span<const std::byte> shared) {
    __builtin_memcpy(to, shared.data(), shared.size());
    asm volatile("" ::"r"(to), "r"(shared.data()) : "memory");
}

}  // namespace enclavisor::base
