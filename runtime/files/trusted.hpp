// Trusted mounts: names, links and attributes as the configuration has them, contents
// from the host and verified (verified_file.hpp).
#pragma once

#include <vector>

#include "runtime/config/config.hpp"
#include "runtime/files/file_system.hpp"
#include "runtime/files/verified_file.hpp"

namespace enclavisor::runtime {

class TrustedFiles final : public FileSystem {
public:
    // `config` and `source` must outlive this.
    TrustedFiles(const Mount& mount, const Config& config, TrustedSource& source, uid_t uid, gid_t gid);

    bool has(std::string_view path) const { return find(path) != nullptr; }

    Opened open(const Place&, int flags, mode_t) override;
    std::int64_t stat(const Place&, int flags, struct stat&) override;
    std::int64_t access(const Place&, int mode, int flags) override;
    std::int64_t read_link(const Place&, std::string&) override;
    std::int64_t stat_file_system(const Place&, struct statfs&) override;
    std::optional<Followed> follow(std::string_view path, bool last_too) override;

private:
    struct Name {
        std::string_view path;    // in the enclave
        const TrustedFile* file;  // null: a link
        std::string_view target;  // of a link
        ChunkHashes hashes = {};
    };
    Name* find(std::string_view path);
    const Name* find(std::string_view path) const { return const_cast<TrustedFiles*>(this)->find(path); }
    // The first name below the directory; names below it follow.
    std::size_t first_below(std::string_view directory) const;
    bool is_below(std::size_t index, std::string_view directory) const;
    bool is_directory(std::string_view path) const { return is_below(first_below(path), path); }
    // Why a name that is not there is not: a file stands on the way, or nothing does.
    std::int64_t absence(std::string_view path) const;
    std::vector<Entry> list(std::string_view path) const;
    struct stat describe(const Name* name, std::string_view path) const;
    void load_times();

    friend class TrustedDirectory;

    Mount mount_;
    std::vector<Name> names_;  // sorted by path
    const Config& config_;
    TrustedSource& source_;
    std::vector<std::int64_t> times_;  // of all trusted files, as the host says; empty before they are needed
    uid_t uid_;
    gid_t gid_;
};

}  // namespace enclavisor::runtime
