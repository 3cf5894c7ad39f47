// A package as a file: JSON with sorted keys, the same bytes wherever the files are the same.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "host/lib/description.hpp"
#include "host/lib/error.hpp"

namespace enclavisor::host {

// `chunks`: with the hashes of the trusted files' chunks.
nlohmann::json package_json(const Package& package, bool chunks);

// Fails for names that are no UTF-8, which JSON cannot hold.
Result<std::string> json_text(const nlohmann::json& json);

// `name` stands in error messages.
Result<Package> parse_package(std::string_view text, const std::string& name);

}  // namespace enclavisor::host
