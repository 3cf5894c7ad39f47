// Small parsers and helpers for what people write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace enclavisor::host {

// "4096", "64K", "512M", "2G" (also KiB, MiB, GiB, KB...): bytes, binary units.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);  // "512M", "4097"

// Pairs of hexadecimal digits, and nothing else.
std::optional<std::vector<std::byte>> parse_hex(std::string_view text);
// Decimal, or hexadecimal behind 0x.
std::optional<std::uint64_t> parse_number(std::string_view text);

// The candidate that `word` was probably meant to be, if any is near enough.
std::optional<std::string> did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace enclavisor::host
