// An open file description: what descriptors refer to. Results are those of
// the Linux calls; the defaults refuse.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include <cstdint>
#include <string>

#include "runtime/files/ref.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {

// Stands for "at the file's own position, which moves".
inline constexpr std::uint64_t kPosition = ~0ull;

class OpenFile : public Counted {
public:
    explicit OpenFile(int flags) : flags_{flags} {}

    // Never another file's, as long as the process lives.
    std::uint64_t id() const { return id_; }

    int flags() const { return flags_; }
    bool readable() const { return (flags_ & O_ACCMODE) != O_WRONLY && !(flags_ & O_PATH); }
    bool writable() const { return (flags_ & O_ACCMODE) != O_RDONLY && !(flags_ & O_PATH); }

    virtual std::int64_t read(const Buffers&, std::uint64_t /*offset*/) { return -EINVAL; }
    virtual std::int64_t write(const Buffers&, std::uint64_t /*offset*/) { return -EINVAL; }
    virtual std::int64_t seek(std::int64_t /*offset*/, int /*whence*/) { return -ESPIPE; }
    virtual std::int64_t stat(struct stat&) { return -EBADF; }
    virtual std::int64_t stat_file_system(struct statfs&) { return -ENOSYS; }
    // linux_dirent64 records.
    virtual std::int64_t entries(Address, std::uint64_t /*size*/) { return -ENOTDIR; }
    virtual std::int64_t truncate(std::uint64_t) { return -EINVAL; }
    virtual std::int64_t allocate(int /*mode*/, std::uint64_t /*offset*/, std::uint64_t /*size*/) {
        return -EOPNOTSUPP;
    }
    virtual std::int64_t sync(bool /*data_only*/) { return -EINVAL; }
    virtual std::int64_t change_mode(mode_t) { return -EPERM; }
    virtual std::int64_t change_owner(uid_t, gid_t) { return -EPERM; }
    virtual std::int64_t set_times(const timespec* /*null: now*/) { return -EPERM; }
    virtual std::int64_t control(std::uint64_t /*request*/, Address) { return -ENOTTY; }
    virtual std::int64_t get_flags() { return flags_; }
    virtual std::int64_t set_flags(int flags) {
        constexpr int kChangeable = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;
        flags_ = (flags_ & ~kChangeable) | (flags & kChangeable);
        return 0;
    }
    // Record locks (F_GETLK, F_SETLK, F_SETLKW) and flock: nobody else is here.
    virtual std::int64_t lock_record(int /*command*/, Address) { return 0; }
    virtual std::int64_t lock_whole(int /*operation*/) { return 0; }

    virtual bool can_map() { return false; }
    // Whether its contents are the same forever.
    virtual bool immutable() const { return false; }
    // By which it was opened, for /proc/self/maps. Empty: not known.
    virtual std::string name() const { return path(); }
    // The host's descriptor, or -1 for a file inside the enclave.
    virtual int host_fd() const { return -1; }
    // For a directory of a mount: its path in the enclave. Empty: not known.
    virtual std::string path() const { return {}; }

private:
    static inline std::uint64_t last_id_ = 0;

    int flags_;
    std::uint64_t id_ = ++last_id_;
};

}  // namespace enclavisor::runtime
