// A look at TOML text before toml++ parses it. toml++ 3.3 runs into undefined
// behaviour on characters beyond ASCII outside of strings and comments (an
// "unreachable" in is_non_ascii_horizontal_whitespace; found by fuzzing), where
// TOML 1.0 has no use for them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace enclavisor::host {

struct TextPosition {
    std::size_t line, column;  // from 1; column in bytes
};

// The first byte beyond ASCII that is in neither a string nor a comment.
std::optional<TextPosition> find_stray_character(std::string_view text);

}  // namespace enclavisor::host
