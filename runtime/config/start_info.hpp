// What the host tells at the start: arguments, environment, identity. Hostile;
// parsed from a private copy.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abi/enclave/config.hpp"

namespace enclavisor::runtime {

struct Start {
    std::vector<std::byte> bytes;  // that the strings point into
    abi::StartInfo info{};         // with every number within its range
    std::vector<std::string_view> arguments;
    std::vector<std::string_view> environment;
    std::string_view directory;  // absolute
    std::string_view host_name;
};

// The size that the header at the beginning of the host's area claims, if it
// can be true.
std::optional<std::size_t> claimed_size(const abi::StartInfo& header, std::size_t room);

// Takes the private copy over.
std::optional<Start> parse_start(std::vector<std::byte> bytes);

}  // namespace enclavisor::runtime
