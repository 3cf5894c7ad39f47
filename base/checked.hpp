// Arithmetic on untrusted numbers: a sum or product that does not fit is
// absent, never wrapped.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

namespace enclavisor::base {

template <std::unsigned_integral T>
constexpr std::optional<T> checked_add(T a, T b) {
    T sum{};
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
}

template <std::unsigned_integral T>
constexpr std::optional<T> checked_multiply(T a, T b) {
    T product{};
    if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
    return product;
}

// Whether [offset, offset + size) lies in [begin, end).
constexpr bool range_within(std::uint64_t offset, std::uint64_t size, std::uint64_t begin,
                            std::uint64_t end) {
    return offset >= begin && offset <= end && size <= end - offset;
}

template <std::unsigned_integral T>
constexpr T round_up(T value, T alignment) {
    return (value + alignment - 1) / alignment * alignment;
}

}  // namespace enclavisor::base
