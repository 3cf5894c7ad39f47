// The configuration of a process enclave: what it is told and what is measured
// with it (abi/enclave/config.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "abi/enclave/config.hpp"

namespace enclavisor::host {

inline constexpr std::uint64_t kDefaultMemoryLimit = 256ull << 20;
inline constexpr std::uint64_t kDefaultStackSize = 8ull << 20;
inline constexpr std::uint64_t kDefaultThreads = 16;

struct Mount {
    abi::MountType type;
    std::string path;  // inside the enclave, absolute
    std::string uri;   // on the host; empty for tmpfs
};

struct TrustedFile {
    std::string path;  // inside the enclave
    std::uint64_t size;
    std::array<std::byte, 32> root;
    std::uint32_t mode;
    // What the host keeps, not part of the configuration:
    std::string source;                             // where it has the file
    std::vector<std::array<std::byte, 32>> chunks;  // SHA-256 of each
    std::int64_t modified_ns = 0;
};

struct TrustedLink {
    std::string path;  // inside the enclave
    std::string target;
};

// A program that the host may start beside the first one (enclavisor exec).
struct MayExecute {
    bool is_fixed = false;           // with exactly these arguments, else with any
    std::vector<std::string> words;  // its path inside the enclave, then fixed arguments

    bool operator==(const MayExecute&) const = default;
};

struct Configuration {
    abi::ConfigOptions options{};
    std::string executable;  // path that the program sees as its own
    std::vector<std::string> arguments;
    std::vector<std::string> environment;            // NAME=value
    std::vector<std::string> environment_from_host;  // NAME
    std::vector<Mount> mounts;
    std::vector<TrustedFile> trusted_files;
    std::vector<TrustedLink> trusted_links;
    std::vector<MayExecute> may_execute;
};

// The bytes at kConfigBase, not padded to pages.
std::vector<std::byte> serialise(const Configuration& configuration, const abi::ConfigProgram& program);

}  // namespace enclavisor::host
