// Locks on files between the processes of the enclave, and with the host's. The host knows one
// owner, an open file that holds what any of the enclave's processes has locked; among
// themselves they are kept apart here.
#pragma once

#include <memory>
#include <vector>

#include "runtime/files/open_file.hpp"
#include "runtime/files/range_locks.hpp"

namespace enclavisor::runtime {

struct Process;

class FileLocks {
public:
    // fcntl's F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ forms. The lock of the runtime is released
    // meanwhile.
    std::int64_t record(OpenFile& file, int command, Address lock);
    // flock(2) of a file of the enclave's own.
    std::int64_t whole(OpenFile& file, int operation);

    // The process has closed a descriptor of the file, or has ended: its locks go.
    void closed(const Process& process, OpenFile& file);
    void ended(const Process& process);
    // An open file is gone, with the locks that are its own.
    void gone(const OpenFile& file);

private:
    struct File {
        dev_t device;
        ino_t inode;
        RangeLocks records, wholes;
        std::int64_t host_fd = -1;  // which holds them there
        bool busy = false;          // somebody tells the host about it
    };
    struct Wanted {
        const void* owner;
        std::uint64_t begin, end;
        LockKind kind;
    };

    std::int64_t find(OpenFile& file, File*& found);
    File* lookup(dev_t device, ino_t inode) const;
    File* lookup_idle(dev_t device, ino_t inode) const;
    void forget_if_empty(dev_t device, ino_t inode);
    std::int64_t parse(OpenFile& file, const struct flock& from, Wanted& wanted);
    std::int64_t test(OpenFile& file, struct flock& lock, const Wanted& wanted, bool own_file);
    std::int64_t set(OpenFile& file, const Wanted& wanted, bool waits);
    std::int64_t try_set(OpenFile& file, File& entry, const Wanted& wanted);
    std::int64_t tell_host(File& entry, std::uint64_t begin, std::uint64_t end, LockKind kind);
    void release(File& entry, const void* owner, std::uint64_t begin, std::uint64_t end);
    void release_all(const void* owner);

    std::vector<std::unique_ptr<File>> files_;  // those with locks
};

// Closes a descriptor, as close(2) does: with it all of the process's locks on the file go.
std::int64_t close_descriptor(Process& process, std::uint64_t fd);

}  // namespace enclavisor::runtime
