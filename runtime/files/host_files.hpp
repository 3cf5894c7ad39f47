// The host's file system, reached by name.
#pragma once

#include "runtime/files/file_system.hpp"

namespace enclavisor::runtime {

class HostFiles final : public FileSystem {
public:
    bool is_host() const override { return true; }
    Opened open(const Place&, int flags, mode_t) override;
    std::int64_t stat(const Place&, int flags, struct stat&) override;
    std::int64_t access(const Place&, int mode, int flags) override;
    std::int64_t read_link(const Place&, std::string&) override;
    std::int64_t stat_file_system(const Place&, struct statfs&) override;
    std::int64_t make_directory(const Place&, mode_t) override;
    std::int64_t unlink(const Place&, int flags) override;
    std::int64_t rename(const Place&, const Place&, unsigned flags) override;
    std::int64_t link(const Place&, const Place&, int flags) override;
    std::int64_t make_link(std::string_view target, const Place&) override;
    std::int64_t make_node(const Place&, mode_t, std::uint64_t device) override;
    std::int64_t change_mode(const Place&, mode_t, int flags) override;
    std::int64_t change_owner(const Place&, uid_t, gid_t, int flags) override;
    std::int64_t set_times(const Place&, const timespec*, int flags) override;
    std::int64_t truncate(const Place&, std::uint64_t) override;
};

// The host's name of a place without a directory beside it, for calls that take none.
std::string whole_path(const Place& place);

}  // namespace enclavisor::runtime
