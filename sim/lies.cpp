#include "sim/lies.hpp"

#include <fmt/format.h>

#include <charconv>

namespace enclavisor::sim {

std::span<const Lie> lies() {
    return {};
}

host::Result<ToldLie> parse_lie(const std::string& text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = std::string_view{text}.substr(0, colon);
    unsigned before = 0;
    if (colon != std::string::npos) {
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, before);
        if (error != std::errc{} || stop != end)
            return host::fail(fmt::format("--lie {}: what follows the colon is no number", text));
    }
    for (const Lie& lie : lies())
        if (lie.name == name) return ToldLie{&lie, before};
    return host::fail(fmt::format("--lie {}: there is no such lie", text), "the names are in sim/lies.cpp");
}

}  // namespace enclavisor::sim
