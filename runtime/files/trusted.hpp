// Trusted files: the host keeps them, the configuration has their hashes. A
// file is read whole into the enclave, hashed, and only then used.
#pragma once

#include <vector>

#include "runtime/config/config.hpp"
#include "runtime/files/file_system.hpp"
#include "runtime/files/memory_file.hpp"

namespace enclavisor::runtime {

class TrustedFiles final : public FileSystem {
public:
    // `files`: those below the mount. `reader` gets the contents of a host file:
    // `size` bytes exactly, or -errno.
    using Reader = std::int64_t (*)(const std::string& host_path, std::vector<std::byte>& contents,
                                    std::uint64_t size);
    TrustedFiles(Mount mount, const std::vector<TrustedFile>& files, Reader reader, uid_t uid, gid_t gid);

    bool has(std::string_view path) const { return find(path) != nullptr; }

    Opened open(const Place&, int flags, mode_t) override;
    std::int64_t stat(const Place&, int flags, struct stat&) override;
    std::int64_t access(const Place&, int mode, int flags) override;
    std::int64_t stat_file_system(const Place&, struct statfs&) override;

private:
    const TrustedFile* find(std::string_view path) const;
    bool is_directory(std::string_view path) const;
    std::vector<Entry> list(std::string_view path) const;
    struct stat describe(const TrustedFile* file, std::string_view path) const;

    friend class TrustedDirectory;

    Mount mount_;
    std::vector<TrustedFile> files_;  // sorted; paths as in the enclave
    Reader reader_;
    uid_t uid_;
    gid_t gid_;
};

}  // namespace enclavisor::runtime
