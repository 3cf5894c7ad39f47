// Structures out of a file whose bytes are anybody's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "base/checked.hpp"

namespace enclavisor::host {

// Copies a structure out of the file, if it lies inside.
template <typename T>
std::optional<T> read_at(std::span<const std::byte> file, std::uint64_t offset) {
    if (!base::range_within(offset, sizeof(T), 0, file.size())) return std::nullopt;
    T value;
    std::memcpy(&value, file.data() + offset, sizeof(T));
    return value;
}

template <typename T>
std::optional<T> read_entry(std::span<const std::byte> file, std::uint64_t table, std::uint64_t index) {
    const auto offset = base::checked_add(table, index * sizeof(T));
    return offset ? read_at<T>(file, *offset) : std::nullopt;
}

}  // namespace enclavisor::host
