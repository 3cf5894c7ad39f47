// The measured configuration at kConfigBase. It is part of the enclave, so its
// contents are believed; the parser is strict all the same.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "abi/enclave/config.hpp"
#include "abi/platform/layout.hpp"

namespace enclavisor::runtime {

struct Mount {
    abi::MountType type;
    std::string_view path;  // inside the enclave
    std::string_view uri;   // on the host
};

struct TrustedFile {
    abi::ConfigTrustedFile info;
    std::string_view path;
    std::uint64_t hashes_offset;  // of its chunks' hashes in the host's list of all
};

struct TrustedLink {
    std::string_view path, target;
};

// What the host may start: with any arguments, unless they are fixed.
struct MayExecute {
    bool is_fixed;
    std::vector<std::string_view> words;  // the path, then fixed arguments
};

// Strings point into the configuration, which is never unmapped.
struct Config {
    abi::ConfigProgram program{};
    abi::ConfigOptions options{};
    std::string_view executable;
    std::vector<std::string_view> arguments;
    std::vector<std::string_view> environment;
    std::vector<std::string_view> environment_from_host;
    std::vector<Mount> mounts;
    std::vector<TrustedFile> trusted_files;
    std::vector<TrustedLink> trusted_links;
    std::vector<MayExecute> may_execute;
};

std::optional<Config> parse_config(std::span<const std::byte> bytes);

}  // namespace enclavisor::runtime
