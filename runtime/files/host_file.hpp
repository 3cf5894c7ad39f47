// A file that the host has open for the enclave.
#pragma once

#include "runtime/files/open_file.hpp"
#include "runtime/terminals/terminal.hpp"

namespace enclavisor::runtime {

// As the host calls it.
struct FileIdentity {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const FileIdentity&) const = default;
};

class HostFile : public OpenFile {
public:
    // Owns the host's descriptor. `path`: of a directory in the enclave, if known.
    HostFile(int host_fd, int flags, std::string path = {}, std::string name = {})
        : OpenFile{flags}, fd_{host_fd}, path_{std::move(path)}, name_{std::move(name)} {}
    ~HostFile() override;

    std::int64_t read(const Buffers& to, std::uint64_t offset) override;
    std::int64_t write(const Buffers& from, std::uint64_t offset) override;
    std::int64_t seek(std::int64_t offset, int whence) override;
    std::int64_t stat(struct stat&) override;
    std::int64_t stat_file_system(struct statfs&) override;
    std::int64_t entries(Address to, std::uint64_t size) override;
    std::int64_t truncate(std::uint64_t) override;
    std::int64_t allocate(int mode, std::uint64_t offset, std::uint64_t size) override;
    std::int64_t sync(bool data_only) override;
    std::int64_t change_mode(mode_t) override;
    std::int64_t change_owner(uid_t, gid_t) override;
    std::int64_t set_times(const timespec*) override;
    std::int64_t control(std::uint64_t request, Address argument) override;
    std::int64_t get_flags() override;
    std::int64_t set_flags(int flags) override;
    bool can_map() override { return regular(); }
    Ref<OpenFile> shared_pages() override;
    std::int64_t write_back(std::uint64_t offset, std::uint64_t size) override;
    // False: it is no regular file.
    bool identify(FileIdentity& identity);
    bool can_epoll() const override { return true; }  // the host decides
    short readiness() override { return 0; }
    int host_fd() const override { return fd_; }
    std::string path() const override { return path_; }
    std::string name() const override { return path_.empty() ? name_ : path_; }
    // It is the host's terminal, if it is one at all.
    void may_be(Ref<Terminal> terminal) { terminal_ = std::move(terminal); }
    Terminal* terminal() override;

private:
    std::int64_t transfer_in(const Buffers& to, std::uint64_t offset, std::uint64_t done, std::uint64_t size);
    std::int64_t transfer_out(const Buffers& from, std::uint64_t offset, std::uint64_t done,
                              std::uint64_t size);
    std::int64_t write_once(const Buffers& from, std::uint64_t offset);
    std::int64_t write_in_parts(const Buffers& from, std::uint64_t offset);
    std::int64_t write_to_host(const Buffers& from, std::uint64_t offset);
    void note_written(const Buffers& from, std::uint64_t offset, std::int64_t count);
    bool regular();

    int fd_;
    enum class Kind : std::uint8_t { kUnknown, kRegular, kOther } kind_ = Kind::kUnknown;
    FileIdentity identity_;
    bool asked_for_terminal_ = false;
    Ref<Terminal> terminal_;
    std::string path_, name_;
};

// What the host says is the path of a file that it has open. 0 or -errno.
std::int64_t host_path_of(const OpenFile& file, std::string& path);

}  // namespace enclavisor::runtime
