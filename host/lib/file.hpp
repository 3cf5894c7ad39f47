// Reading whole files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "host/lib/error.hpp"

namespace enclavisor::host {

// Errors name the file and carry exit status 127 (missing) or 126 (unreadable).
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

}  // namespace enclavisor::host
