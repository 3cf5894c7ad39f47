// Says of a manifest what would go wrong, and what is riskier than it looks, before anything
// runs: the files of this host included.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host/lib/error.hpp"
#include "host/lib/toml_guard.hpp"

namespace enclavisor::host {

struct Finding {
    enum class Weight { kWarning, kError };
    Weight weight;
    std::string file;
    TextPosition at;
    std::string what, cure;

    // FILE:LINE:COLUMN: error: WHAT; CURE
    std::string text() const;
};

// In the order of their places; of a group, the members' too. Fails if there is no such file.
Result<std::vector<Finding>> check_manifest(const std::filesystem::path& path);

}  // namespace enclavisor::host
