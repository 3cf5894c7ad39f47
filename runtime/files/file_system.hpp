// A file system as the name-taking calls see it. Paths are relative to the
// file system's root for those inside the enclave, the host's own for the host.
#pragma once

#include <errno.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "runtime/files/open_file.hpp"

namespace enclavisor::runtime {

class FileSystem;

struct Place {
    FileSystem* files = nullptr;
    int directory = AT_FDCWD;      // the host's, for relative host paths
    std::string path;              // absolute inside the enclave's own file systems
    std::string enclave_path;      // if known: for directories that are opened
    bool names_directory = false;  // written with a slash at its end
    Ref<OpenFile> base = {};       // keeps `directory` open
};

// A file, or -errno.
using Opened = base::Result<Ref<OpenFile>, std::int64_t>;

inline base::Failure<std::int64_t> failed(std::int64_t error) {
    return base::Failure<std::int64_t>{error};
}

class FileSystem {
public:
    virtual ~FileSystem() = default;

    // The host's: paths are its own.
    virtual bool is_host() const { return false; }

    virtual Opened open(const Place&, int flags, mode_t) = 0;
    virtual std::int64_t stat(const Place&, int flags, struct stat&) = 0;
    virtual std::int64_t access(const Place&, int mode, int flags) = 0;
    virtual std::int64_t read_link(const Place&, std::string&) { return -EINVAL; }
    virtual std::int64_t stat_file_system(const Place&, struct statfs&) { return -ENOSYS; }

    // What changes something: refused unless a file system does it.
    virtual std::int64_t make_directory(const Place&, mode_t) { return -EROFS; }
    virtual std::int64_t unlink(const Place&, int /*flags*/) { return -EROFS; }
    virtual std::int64_t rename(const Place&, const Place&, unsigned /*flags*/) { return -EROFS; }
    virtual std::int64_t link(const Place&, const Place&, int /*flags*/) { return -EROFS; }
    virtual std::int64_t make_link(std::string_view /*target*/, const Place&) { return -EROFS; }
    virtual std::int64_t make_node(const Place&, mode_t, std::uint64_t /*device*/) { return -EROFS; }
    virtual std::int64_t change_mode(const Place&, mode_t, int /*flags*/) { return -EROFS; }
    virtual std::int64_t change_owner(const Place&, uid_t, gid_t, int /*flags*/) { return -EROFS; }
    virtual std::int64_t set_times(const Place&, const timespec*, int /*flags*/) { return -EROFS; }
    virtual std::int64_t truncate(const Place&, std::uint64_t) { return -EROFS; }

    // If a symbolic link of this file system stands in `path` (its last part
    // counts only if `last_too`): the directory that holds the first one, absolute within the
    // file system and free of links, and what is to be looked up from there.
    struct Followed {
        std::string directory;
        std::string rest;  // the link's target and what stood behind it
    };
    virtual std::optional<Followed> follow(std::string_view /*path*/, bool /*last_too*/) {
        return std::nullopt;
    }
};

}  // namespace enclavisor::runtime
