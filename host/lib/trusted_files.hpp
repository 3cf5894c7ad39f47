// Hashes what a `trusted` mount shows, when the enclave is described.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "host/lib/config.hpp"
#include "host/lib/error.hpp"

namespace enclavisor::host {

struct TrustedTree {
    std::vector<TrustedFile> files;
    std::vector<TrustedLink> links;
};

// One file, under `path` in the enclave.
Result<TrustedFile> hash_trusted_file(const std::filesystem::path& source, std::string path);

// Several, each with its path in the enclave, on as many threads as there are processors.
Result<std::vector<TrustedFile>> hash_trusted_files(
    const std::vector<std::pair<std::filesystem::path, std::string>>& wanted);

// The root over the size and the hashes of the chunks.
std::array<std::byte, 32> root_of(const TrustedFile& file);

// Every regular file and symbolic link below `source`, or the one file that it is or leads to,
// in the order of their paths.
Result<TrustedTree> hash_trusted_tree(const std::filesystem::path& source, const std::string& mount_path);

}  // namespace enclavisor::host
