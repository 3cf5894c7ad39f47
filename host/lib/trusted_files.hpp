// Hashes what a `trusted` mount shows, when the enclave is described.
#pragma once

#include <filesystem>
#include <string>
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

// Every regular file and symbolic link below `source`, or the one file that it is or leads to,
// in the order of their paths.
Result<TrustedTree> hash_trusted_tree(const std::filesystem::path& source, const std::string& mount_path);

}  // namespace enclavisor::host
