// From names to file systems: the mounts, the calling process's working directory, symbolic
// links of the enclave's own file systems.
//
// A bare program has the host's root at "/". Its paths go to the host as they are,
// relative to the process's directory there, but for the special files and, under
// their absolute names, the trusted ones (its libraries). With a manifest, paths are made absolute and
// free of links here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/config/config.hpp"
#include "runtime/files/file_system.hpp"
#include "runtime/files/host_files.hpp"
#include "runtime/files/special.hpp"
#include "runtime/files/tmpfs.hpp"
#include "runtime/files/trusted.hpp"

namespace enclavisor::runtime {

struct Directory;

class Names {
public:
    void start(const Config& config, uid_t uid, gid_t gid);

    // Where `path`, relative to the open directory `base` (null: the working
    // directory), leads. 0 or -errno. `follow`: through a symbolic link at its end.
    std::int64_t resolve(const OpenFile* base, std::string_view path, bool follow, Place& place);

    // As /proc/mounts has it.
    std::string mount_table() const;

    // Results as for the Linux calls.
    std::int64_t working_directory(const Directory& directory, std::string& path);
    std::int64_t change_directory(std::string_view path);
    std::int64_t change_directory(OpenFile& directory);

    bool host_only() const { return host_only_; }
    // A file of zeros in the enclave that no directory names.
    Ref<OpenFile> unnamed_file(std::uint64_t size, mode_t mode, std::string name);
    FileSystem& special() { return special_; }

private:
    struct Mounted {
        Mount mount;
        FileSystem* files;
    };
    const Mounted* mount_of(std::string_view path) const;
    // Appends `path` to the absolute `at` (empty: the root); what stands before a ".." is freed
    // of links first. 0 or -errno.
    std::int64_t walk(std::string& at, std::string_view path, int& links) const;
    // Replaces links of the enclave's own file systems in an absolute path; those of the host
    // are the host's affair.
    std::int64_t expand(std::string& path, bool follow, int& links) const;
    std::int64_t resolve_mounted(std::string from, std::string_view path, bool follow, Place& place);
    std::int64_t enter(const Place& place);
    std::int64_t enter_at_host(int directory, const std::string& path);

    bool host_only_ = false;
    TrustedFiles* libraries_ = nullptr;  // of a bare dynamic program
    Tmpfs* shared_memory_ = nullptr;     // /dev/shm, which is the enclave's own always
    HostFiles host_;
    SpecialFiles special_;
    std::vector<std::unique_ptr<FileSystem>> owned_;
    std::vector<Mounted> mounts_;
};

}  // namespace enclavisor::runtime
