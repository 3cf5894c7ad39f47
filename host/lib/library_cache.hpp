// ld.so.cache, as ldconfig(8) of glibc writes it (format 1.1).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace enclavisor::host {

// Where the cache has the library `name` for x86-64; empty: nowhere.
std::string find_in_cache(std::span<const std::byte> cache, std::string_view name);

}  // namespace enclavisor::host
