#include "host/lib/text.hpp"

#include <algorithm>
#include <charconv>

#include "base/checked.hpp"

namespace enclavisor::host {
namespace {

// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); j++) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); i++) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); j++) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end == text.data()) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    static constexpr std::string_view kUnits = "KMGT";
    std::uint64_t factor = 1;
    if (!unit.empty()) {
        const std::size_t power = kUnits.find(unit.front());
        const std::string_view rest = unit.substr(1);
        if (power == std::string_view::npos || !(rest.empty() || rest == "B" || rest == "iB"))
            return std::nullopt;
        factor = 1ull << (10 * (power + 1));
    }
    return base::checked_multiply(number, factor);
}

std::string format_size(std::uint64_t bytes) {
    static constexpr std::string_view kUnits = "GMK";
    for (std::size_t i = 0; i < kUnits.size(); i++) {
        const std::uint64_t unit = 1ull << (10 * (3 - i));
        if (bytes != 0 && bytes % unit == 0) return std::to_string(bytes / unit) + kUnits[i];
    }
    return std::to_string(bytes);
}

std::optional<std::vector<std::byte>> parse_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::vector<std::byte> bytes;
    for (std::size_t at = 0; at < text.size(); at += 2) {
        std::uint8_t byte = 0;
        const char* end = text.data() + at + 2;
        if (std::from_chars(text.data() + at, end, byte, 16).ptr != end) return std::nullopt;
        bytes.push_back(std::byte{byte});
    }
    return bytes;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, hex ? 16 : 10);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

std::optional<std::string> did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
    std::optional<std::string> answer;
    for (const std::string& candidate : candidates) {
        const std::size_t d = distance(word, candidate);
        if (d < best) {
            best = d;
            answer = candidate;
        }
    }
    return answer;
}

}  // namespace enclavisor::host
