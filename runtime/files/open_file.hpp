// An open file description: what descriptors refer to. Results are those of
// the Linux calls; the defaults refuse.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/files/ref.hpp"
#include "runtime/files/wait_queue.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {

// Stands for "at the file's own position, which moves".
inline constexpr std::uint64_t kPosition = ~0ull;

class Epoll;
class LocalSocket;
class Pipe;
class SignalFile;
class Terminal;
class TimerFile;

class OpenFile;

// The locks that an open file owns are gone with it (files/file_locks.hpp).
void forget_locks(const OpenFile& file);

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
    std::int32_t signal_owner = 0;  // F_SETOWN; nobody gets a SIGIO
    virtual std::int64_t get_flags() { return flags_; }
    virtual std::int64_t set_flags(int flags) {
        constexpr int kChangeable = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;
        flags_ = (flags_ & ~kChangeable) | (flags & kChangeable);
        return 0;
    }
    bool owns_locks = false;  // it may: flock, F_OFD_SETLK

    // F_SETPIPE_SZ, or with 0 F_GETPIPE_SZ.
    virtual std::int64_t pipe_size(std::uint64_t) { return -EBADF; }
    virtual bool can_map() { return false; }
    // Whether a mapping can show the file's own pages. Then: the page that holds `offset`, in the
    // range that is common to all processes, made if need be; null: beyond the file's end.
    virtual bool can_share() const { return false; }
    virtual std::byte* shared_page(std::uint64_t /*offset*/) { return nullptr; }
    // What has its pages, if it has none of its own; null: nothing.
    virtual Ref<OpenFile> shared_pages() { return {}; }
    // What programs stored in pages that are the file's only by and by. 0 or -errno.
    virtual std::int64_t write_back(std::uint64_t /*offset*/, std::uint64_t /*size*/) { return 0; }
    // Whether its contents are the same forever.
    virtual bool immutable() const { return false; }
    // The host's descriptor, or -1 for a file inside the enclave.
    virtual int host_fd() const { return -1; }
    // For a directory of a mount: its path in the enclave. Empty: not known.
    virtual std::string path() const { return {}; }
    // What /proc/self/fd shows.
    virtual std::string name() const { return path(); }
    // What it is, for the calls that only such files know.
    virtual LocalSocket* local_socket() { return nullptr; }
    virtual Pipe* pipe() { return nullptr; }
    virtual Epoll* epoll() { return nullptr; }
    virtual TimerFile* timer() { return nullptr; }
    virtual SignalFile* signal_file() { return nullptr; }
    virtual Terminal* terminal() { return nullptr; }

    // Waiting. What is the case now, as poll(2) says it, as far as the enclave knows:
    // the rest is asked of the host under `poll_fd`.
    virtual short readiness() { return kReadable | kWritable; }
    // Who is to be told of changes; null: there are none inside the enclave.
    virtual WaitQueue* queue() { return nullptr; }
    virtual int poll_fd() { return host_fd(); }
    // Whether epoll takes it.
    virtual bool can_epoll() const { return false; }
    // Tells the queue what time alone has changed. When it may do so again, in
    // nanoseconds of the monotonic clock; 0: never.
    virtual std::uint64_t refresh() { return 0; }

    // Who watches it without keeping it open.
    void add_watch(FileWatch& watch) { watches_.push_back(&watch); }
    void remove_watch(FileWatch& watch) { watches_.remove(&watch); }
    FileWatch* find_watch(const void* owner, std::uint64_t fd) const;
    using Watches = base::List<FileWatch, &FileWatch::link>;
    const Watches& watches() const { return watches_; }

protected:
    void dispose() final;

private:
    static inline std::uint64_t last_id_ = 0;

    int flags_;
    std::uint64_t id_ = ++last_id_;
    Watches watches_;
};

}  // namespace enclavisor::runtime
