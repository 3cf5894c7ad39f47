// All that a run measured, and its form as JSON: build/bench/results.json, and
// bench/recorded.json when recorded. The picture and the table are made from it.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/figures.hpp"

namespace enclavisor::bench {

using Json = nlohmann::ordered_json;

struct Results {
    std::map<std::string, Figures> enclave;      // by platform
    std::map<std::string, Figures> linux_guest;  // by configuration: "default", "tuned"
    std::string linux_version;                   // empty: no Linux guest was run
};

// `recorded` gives the Linux guest's figures if `results` has none; it may be null.
Json to_json(const Results& results, const Json& recorded);

// Programs report under "check" what they computed, which must be the same
// everywhere. Returns the names of those that were not.
std::vector<std::string> disagreements(const Results& results);

// The recorded results, or null.
Json read_json(const std::filesystem::path& path);

}  // namespace enclavisor::bench
