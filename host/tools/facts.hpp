// What there is to say of a package, as lines of a name and a value: the one list that
// `inspect` prints and `diff` compares.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "host/lib/description.hpp"

namespace enclavisor::host {

struct Fact {
    std::string section;  // "mount"
    std::string name;     // "/data"; may be empty
    std::string value;
};

// In an order for people. Of a group's members, sections begin with "member N ".
std::vector<Fact> facts_of(const Package& package);

// A table for people.
std::string table_of(const Package& package);

struct Difference {
    std::string what;
    // Absent on one side: added or removed.
    std::optional<std::string> before, after;
};
std::vector<Difference> differences(const Package& before, const Package& after);
std::string text_of(const std::vector<Difference>& differences);
nlohmann::json json_of(const std::vector<Difference>& differences);

}  // namespace enclavisor::host
