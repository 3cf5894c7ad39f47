// Keeps characters beyond ASCII from toml++ where it does not expect them.
// toml++ 3.3 runs into undefined behaviour on them outside of strings and
// comments (an "unreachable" in is_non_ascii_horizontal_whitespace; found by
// fuzzing), and after a mistake it looks for the end of a value inside strings
// too. So: parse the ASCII shape first, which finds every mistake of syntax; then
// look for strays, which is reliable in correct text; then parse the text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace enclavisor::host {

struct TextPosition {
    std::size_t line = 0, column = 0;  // from 1; column in bytes
};

// `text` with one 'X' for each character beyond ASCII. Keys that differ in such
// characters only become equal, a mistake that is put up with.
std::string ascii_shape(std::string_view text);

// The first byte beyond ASCII that is in neither a string nor a comment, of text
// whose shape is correct TOML.
std::optional<TextPosition> find_stray_character(std::string_view text);

}  // namespace enclavisor::host
