// Lists of strings with terminating zeros.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace enclavisor::runtime {

inline bool take_string(std::string_view& rest, std::string_view& string) {
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) return false;
    string = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return true;
}

inline bool take_strings(std::string_view& rest, std::uint32_t count,
                         std::vector<std::string_view>& strings) {
    // Each string has at least its zero, which bounds what is reserved.
    if (count > rest.size()) return false;
    strings.reserve(count);
    for (std::uint32_t i = 0; i < count; i++) {
        std::string_view string;
        if (!take_string(rest, string)) return false;
        strings.push_back(string);
    }
    return true;
}

}  // namespace enclavisor::runtime
