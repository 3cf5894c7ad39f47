// Whole files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <vector>

#include "host/lib/error.hpp"

namespace enclavisor::host {

// Errors name the file and carry exit status 127 (missing) or 126 (unreadable).
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

// In the place of what was there, which stays if this fails.
Result<void> write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace enclavisor::host
