// Paths as text.
#pragma once

#include <string>
#include <string_view>

namespace enclavisor::runtime {

// `path` taken from the absolute directory `base`, without "." , ".." and
// doubled slashes. Absolute, without a slash at its end (but for "/" itself).
std::string normalise(std::string_view base, std::string_view path);

// Takes the first part of `path` away, up to and with its slash; may be empty.
std::string_view take_part(std::string_view& path);

// Whether `path` is `directory` or lies below it; both normalised.
bool path_within(std::string_view path, std::string_view directory);

// What follows `directory` in a path within it, with a leading slash ("/" for itself).
std::string_view path_below(std::string_view path, std::string_view directory);

// The last part, and what stands before it ("/" at least).
std::string_view base_name(std::string_view path);
std::string_view parent_path(std::string_view path);

}  // namespace enclavisor::runtime
