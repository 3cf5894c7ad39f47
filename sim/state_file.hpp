// What survives a restart, in one file: the chip, who certifies it, and the owner's keys. Guests do not.
#pragma once

#include <filesystem>

#include "host/lib/error.hpp"
#include "sim/model.hpp"

namespace enclavisor::sim {

struct State {
    ChipState chip;
    AuthorityState authority;
    SevState sev;
};

// Of what has been a state: its text, for nobody but the model.
std::string text_of(const State& state);
host::Result<State> parse_state(std::string_view text, const std::string& name);

// The state in `folder`, absent if there is none yet.
host::Result<std::optional<State>> load_state(const std::filesystem::path& folder);
host::Result<void> save_state(const std::filesystem::path& folder, const std::string& text);

}  // namespace enclavisor::sim
