// Bytes of messages and files, and how fixed structures go in and out of them. The peer of every
// format here is x86-64: what is in memory is little endian.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace enclavisor::sim {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;
template <std::size_t N>
using Block = std::array<std::uint8_t, N>;

// A structure that is what its bytes are.
template <typename T>
concept Plain = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

template <Plain T>
BytesView view_of(const T& value) {
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof(T)};
}

// Takes a T from the front of `rest`, which stays as it is if it has too few bytes.
template <Plain T>
std::optional<T> take_front(BytesView& rest) {
    if (rest.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, rest.data(), sizeof(T));
    rest = rest.subspan(sizeof(T));
    return value;
}

inline void append(Bytes& out, BytesView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

template <Plain T>
Bytes bytes_of(const T& value) {
    const BytesView view = view_of(value);
    return {view.begin(), view.end()};
}

inline bool all_zero(BytesView bytes) {
    for (const std::uint8_t byte : bytes)
        if (byte != 0) return false;
    return true;
}

template <std::size_t N>
Block<N> block_of(BytesView bytes) {
    Block<N> block{};
    std::copy_n(bytes.begin(), std::min(N, bytes.size()), block.begin());
    return block;
}

}  // namespace enclavisor::sim
