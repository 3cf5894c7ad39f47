#include "host/lib/toml_guard.hpp"

#include <algorithm>

namespace enclavisor::host {
namespace {

// Position after the string that begins at `at`.
std::size_t skip_string(std::string_view text, std::size_t at) {
    const char quote = text[at];
    const bool escapes = quote == '"';
    const std::string triple(3, quote);
    const bool multiline = text.substr(at).starts_with(triple);
    at += multiline ? 3 : 1;
    while (at < text.size()) {
        if (escapes && text[at] == '\\') {
            at += 2;
        } else if (multiline && text.substr(at).starts_with(triple)) {
            at += 3;
            // Up to two quotes may stand before the closing three.
            for (int i = 0; i < 2 && at < text.size() && text[at] == quote; i++) at++;
            return at;
        } else if (!multiline && (text[at] == quote || text[at] == '\n')) {
            return at + 1;
        } else {
            at++;
        }
    }
    return text.size();
}

}  // namespace

std::string ascii_shape(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte order mark
    std::string shape;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) shape += c;
        if (byte >= 0xc0) shape += 'X';  // the first byte of a character (UTF-8)
    }
    return shape;
}

std::optional<TextPosition> find_stray_character(std::string_view text) {
    std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '#') {
            at = std::min(text.find('\n', at), text.size());
        } else if (c == '"' || c == '\'') {
            at = skip_string(text, at);
        } else if (static_cast<unsigned char>(c) >= 0x80) {
            const std::string_view before = text.substr(0, at);
            const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
            const std::size_t line_begin =
                before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
            return TextPosition{lines + 1, at - line_begin + 1};
        } else {
            at++;
        }
    }
    return std::nullopt;
}

}  // namespace enclavisor::host
