// What an enclave is made of: its configuration, and the files of the host that it was read
// from, each with its hash.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/lib/config.hpp"
#include "host/lib/measure.hpp"

namespace enclavisor::host {

struct FileHash {
    std::string path;  // on the host
    std::uint64_t size = 0;
    std::array<std::byte, 32> sha256{};

    bool operator==(const FileHash&) const = default;
};

struct Description {
    // The runtime's path is the installation's affair and empty; the interpreter's is empty for
    // a static program.
    FileHash program, interpreter, runtime;
    Configuration configuration;
    Measurement measurement{};
};

// What `enclavisor build` writes: an application, resolved.
struct Package {
    bool is_group = false;
    Measurement measurement{};  // the group's, or the one enclave's
    std::vector<Description> enclaves;
};

FileHash hash_bytes(std::string path, std::span<const std::byte> bytes);

// The mount that `path` is in; null: none.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path);
// The host's file that the innermost mount with a uri shows at `path`; without one, `path` itself.
std::string host_path(const std::vector<Mount>& mounts, const std::string& path);

// What the enclave believes its host, in words; empty: nothing beyond the call results.
std::vector<std::string> believed(const Configuration& configuration);

}  // namespace enclavisor::host
