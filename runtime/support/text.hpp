// Numbers as text.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>

namespace enclavisor::runtime {

inline void append_number(std::string& text, std::uint64_t value, int base = 10, std::size_t width = 0) {
    char digits[64];
    const char* end = std::to_chars(digits, digits + sizeof(digits), value, base).ptr;
    const auto count = static_cast<std::size_t>(end - digits);
    if (count < width) text.append(width - count, '0');
    text.append(digits, count);
}

// Text and numbers, one after the other.
template <typename... Parts>
std::string join(const Parts&... parts) {
    std::string text;
    auto add = [&](const auto& part) {
        if constexpr (std::is_integral_v<std::decay_t<decltype(part)>>) {
            append_number(text, static_cast<std::uint64_t>(part));
        } else {
            text += part;
        }
    };
    (add(parts), ...);
    return text;
}

}  // namespace enclavisor::runtime
