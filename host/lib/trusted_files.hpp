// Hashes what a `trusted` mount shows, when the enclave is described.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host/lib/config.hpp"
#include "host/lib/error.hpp"

namespace enclavisor::host {

// One file, under `path` in the enclave.
Result<TrustedFile> hash_trusted_file(const std::filesystem::path& source, std::string path);

// SHA-256 of every regular file below `source` (or of `source` itself), in the
// order of their paths. Links to files are followed, links to folders are not.
Result<std::vector<TrustedFile>> hash_trusted_files(const std::filesystem::path& source,
                                                    const std::string& mount_path);

}  // namespace enclavisor::host
