// What the host says of a process that it asks for (abi/host/execution.hpp). Hostile; parsed
// from a private copy, and compared with what the configuration allows.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "abi/host/execution.hpp"
#include "runtime/config/config.hpp"

namespace enclavisor::runtime {

struct Execution {
    std::int32_t standard[3];
    std::vector<std::string_view> words;  // into the bytes; the program first, not empty
};

std::optional<Execution> parse_execution(std::span<const std::byte> bytes);

// Whether the host may ask for processes at all, and for this one: `path` with the arguments in
// `words` (its first is what the host calls the program).
bool may_execute(const Config& config);
bool may_execute(const Config& config, std::string_view path, std::span<const std::string_view> words);

}  // namespace enclavisor::runtime
