#include "runtime/files/file_locks.hpp"

#include <sys/file.h>

#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

using C = abi::ForwardedCall;

// Who waits for a lock looks again after these: the host does not tell.
constexpr std::uint64_t kShortest = 1'000'000, kLongest = 32'000'000;  // nanoseconds

bool by_open_file(int command) {
    return command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

// A description of its own at the host, whose locks nobody's close takes away.
std::int64_t open_again(const OpenFile& file) {
    const std::string path = join("/proc/self/fd/", file.host_fd());
    const int modes[] = {O_RDWR, file.flags() & O_ACCMODE};
    std::int64_t fd = -EACCES;
    for (const int mode : modes) {
        fd = forward(C::kOpenat, AT_FDCWD, path.c_str(), mode | O_CLOEXEC | O_NONBLOCK, 0);
        if (fd >= 0) break;
    }
    return fd;
}

}  // namespace

FileLocks::File* FileLocks::lookup(dev_t device, ino_t inode) const {
    for (const auto& file : files_) {
        if (file->device == device && file->inode == inode) return file.get();
    }
    return nullptr;
}

std::int64_t FileLocks::find(OpenFile& file, File*& found) {
    struct stat info;
    if (const std::int64_t error = file.stat(info); error != 0) return error;
    found = lookup(info.st_dev, info.st_ino);
    if (found != nullptr) return 0;
    auto made = std::make_unique<File>(File{.device = info.st_dev, .inode = info.st_ino});
    found = made.get();
    files_.push_back(std::move(made));
    return 0;
}

void FileLocks::forget_if_empty(dev_t device, ino_t inode) {
    File* file = lookup(device, inode);
    if (file == nullptr || file->busy || !file->records.empty() || !file->wholes.empty()) return;
    const std::int64_t fd = file->host_fd;
    std::erase_if(files_, [&](const auto& each) { return each.get() == file; });
    if (fd >= 0) forward(C::kClose, fd);
}

std::int64_t FileLocks::parse(OpenFile& file, const struct flock& from, Wanted& wanted) {
    switch (from.l_type) {
        case F_RDLCK:
            wanted.kind = LockKind::kShared;
            break;
        case F_WRLCK:
            wanted.kind = LockKind::kExclusive;
            break;
        case F_UNLCK:
            wanted.kind = LockKind::kNone;
            break;
        default:
            return -EINVAL;
    }
    std::int64_t base = 0;
    struct stat info;
    if (from.l_whence == SEEK_CUR) {
        base = file.seek(0, SEEK_CUR);
        if (base < 0) return base;
    } else if (from.l_whence == SEEK_END) {
        if (const std::int64_t error = file.stat(info); error != 0) return error;
        base = info.st_size;
    } else if (from.l_whence != SEEK_SET) {
        return -EINVAL;
    }
    std::int64_t begin, end;
    if (__builtin_add_overflow(base, from.l_start, &begin)) return -EOVERFLOW;
    if (__builtin_add_overflow(begin, from.l_len, &end)) return -EOVERFLOW;
    if (from.l_len < 0) std::swap(begin, end);
    if (begin < 0) return -EINVAL;
    wanted.begin = static_cast<std::uint64_t>(begin);
    wanted.end = from.l_len == 0 ? kEndOfFile : static_cast<std::uint64_t>(end);
    return 0;
}

// What the host is to hold of a range, for all of the enclave.
std::int64_t FileLocks::tell_host(File& entry, std::uint64_t begin, std::uint64_t end, LockKind kind) {
    if (entry.host_fd < 0) return 0;
    struct flock lock {};
    lock.l_type = static_cast<short>(kind == LockKind::kNone     ? F_UNLCK
                                     : kind == LockKind::kShared ? F_RDLCK
                                                                 : F_WRLCK);
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(begin);
    lock.l_len = end == kEndOfFile ? 0 : static_cast<off_t>(end - begin);
    return forward(C::kSetLock, entry.host_fd, 0, &lock);
}

void FileLocks::release(File& entry, const void* owner, std::uint64_t begin, std::uint64_t end) {
    entry.records.set(owner, begin, end, LockKind::kNone);
    std::vector<RangeLock> pieces;
    entry.records.for_each_piece(begin, end, [&](std::uint64_t from, std::uint64_t to, LockKind strongest) {
        pieces.push_back({nullptr, from, to, strongest});
    });
    entry.busy = true;
    for (const RangeLock& piece : pieces) tell_host(entry, piece.begin, piece.end, piece.kind);
    entry.busy = false;
}

// 0, -EAGAIN, or another error. `entry` stays: it is busy.
std::int64_t FileLocks::try_set(OpenFile& file, File& entry, const Wanted& wanted) {
    if (entry.records.conflict(wanted.owner, wanted.begin, wanted.end, wanted.kind) != nullptr)
        return -EAGAIN;
    if (entry.host_fd < 0 && file.host_fd() >= 0) {
        const std::int64_t fd = open_again(file);
        if (fd < 0) return fd == -ENOENT || fd == -EACCES ? -ENOLCK : fd;
        entry.host_fd = fd;
    }
    const std::int64_t result = tell_host(entry, wanted.begin, wanted.end, wanted.kind);
    if (result < 0) return result == -EACCES ? -EAGAIN : result;
    entry.records.set(wanted.owner, wanted.begin, wanted.end, wanted.kind);
    return 0;
}

std::int64_t FileLocks::set(OpenFile& file, const Wanted& wanted, bool waits) {
    for (std::uint64_t pause = kShortest;; pause = std::min(2 * pause, kLongest)) {
        File* entry;
        if (const std::int64_t error = find(file, entry); error != 0) return error;
        std::int64_t result = -EAGAIN;
        bool busy = entry->busy;
        if (!busy) {
            const dev_t device = entry->device;
            const ino_t inode = entry->inode;
            if (wanted.kind == LockKind::kNone) {
                release(*entry, wanted.owner, wanted.begin, wanted.end);
                result = 0;
            } else {
                entry->busy = true;
                result = try_set(file, *entry, wanted);
                entry->busy = false;
            }
            forget_if_empty(device, inode);
        }
        if (result != -EAGAIN || (!waits && !busy)) return result;
        if (sleep(system().clock.deadline(pause)) == Slept::kSignal) return restart_call();
    }
}

std::int64_t FileLocks::test(OpenFile& file, struct flock& lock, const Wanted& wanted, bool own_file) {
    File* entry;
    if (const std::int64_t error = find(file, entry); error != 0) return error;
    const RangeLock* other = entry->records.conflict(wanted.owner, wanted.begin, wanted.end, wanted.kind);
    if (other != nullptr) {
        lock.l_type = other->kind == LockKind::kExclusive ? F_WRLCK : F_RDLCK;
        lock.l_whence = SEEK_SET;
        lock.l_start = static_cast<off_t>(other->begin);
        lock.l_len = other->end == kEndOfFile ? 0 : static_cast<off_t>(other->end - other->begin);
        lock.l_pid = -1;
        system().processes.for_each([&](const Process& each) {
            if (&each == other->owner) lock.l_pid = static_cast<pid_t>(each.pid);
            return lock.l_pid != -1;
        });
        return 0;
    }
    const std::int64_t fd = entry->host_fd >= 0 ? entry->host_fd : file.host_fd();
    const dev_t device = entry->device;
    const ino_t inode = entry->inode;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(wanted.begin);
    lock.l_len = wanted.end == kEndOfFile ? 0 : static_cast<off_t>(wanted.end - wanted.begin);
    lock.l_pid = 0;
    const std::int64_t start = lock.l_start, length = lock.l_len;
    std::int64_t result = fd >= 0 ? forward(C::kGetLock, fd, 0, &lock) : 0;
    if (fd < 0) lock.l_type = F_UNLCK;
    if (result == 0 && !lock_valid(lock, start, length)) result = -EIO;
    if (own_file && lock.l_type != F_UNLCK) lock.l_pid = -1;
    forget_if_empty(device, inode);
    return result;
}

std::int64_t FileLocks::record(OpenFile& file, int command, Address address) {
    struct flock lock;
    if (!copy_in(&lock, address, sizeof(lock))) return -EFAULT;
    const bool own_file = by_open_file(command);
    if (own_file && lock.l_pid != 0) return -EINVAL;
    if (file.flags() & O_PATH) return -EBADF;
    Wanted wanted{};
    const struct flock given = lock;
    if (const std::int64_t error = parse(file, given, wanted); error != 0) return error;
    if (own_file) file.owns_locks = true;
    wanted.owner = own_file ? static_cast<const void*>(&file) : static_cast<const void*>(&process());
    if (command == F_GETLK || command == F_OFD_GETLK) {
        if (wanted.kind == LockKind::kNone) return -EINVAL;
        if (const std::int64_t error = test(file, lock, wanted, own_file); error != 0) return error;
        if (lock.l_type == F_UNLCK) {
            lock = given;
            lock.l_type = F_UNLCK;
        }
        return put(address, lock);
    }
    if (wanted.kind == LockKind::kShared && !file.readable()) return -EBADF;
    if (wanted.kind == LockKind::kExclusive && !file.writable()) return -EBADF;
    return set(file, wanted, command == F_SETLKW || command == F_OFD_SETLKW);
}

std::int64_t FileLocks::whole(OpenFile& file, int operation) {
    const bool waits = !(operation & LOCK_NB);
    LockKind kind;
    switch (operation & ~LOCK_NB) {
        case LOCK_SH:
            kind = LockKind::kShared;
            break;
        case LOCK_EX:
            kind = LockKind::kExclusive;
            break;
        case LOCK_UN:
            kind = LockKind::kNone;
            break;
        default:
            return -EINVAL;
    }
    for (std::uint64_t pause = kShortest;; pause = std::min(2 * pause, kLongest)) {
        File* entry;
        if (const std::int64_t error = find(file, entry); error != 0) return error;
        file.owns_locks = true;
        if (kind == LockKind::kNone || entry->wholes.conflict(&file, 0, kEndOfFile, kind) == nullptr) {
            entry->wholes.set(&file, 0, kEndOfFile, kind);
            forget_if_empty(entry->device, entry->inode);
            return 0;
        }
        if (!waits) return -EAGAIN;
        if (sleep(system().clock.deadline(pause)) == Slept::kSignal) return restart_call();
    }
}

// The file's entry when nobody tells the host about it; null: there is none.
FileLocks::File* FileLocks::lookup_idle(dev_t device, ino_t inode) const {
    for (;;) {
        File* entry = lookup(device, inode);
        if (entry == nullptr || !entry->busy) return entry;
        const Unlocked unlocked;
        kernel_call(abi::Call::kYield);
    }
}

void FileLocks::closed(const Process& process, OpenFile& file) {
    if (std::none_of(files_.begin(), files_.end(),
                     [&](const auto& each) { return each->records.has(&process); })) {
        return;
    }
    struct stat info;
    if (file.stat(info) != 0) return;
    File* entry = lookup_idle(info.st_dev, info.st_ino);
    if (entry == nullptr || !entry->records.has(&process)) return;
    release(*entry, &process, 0, kEndOfFile);
    forget_if_empty(info.st_dev, info.st_ino);
}

// Each step may release the runtime's lock.
void FileLocks::release_all(const void* owner) {
    for (;;) {
        const auto held = std::find_if(files_.begin(), files_.end(), [&](const auto& each) {
            return each->records.has(owner) || each->wholes.has(owner);
        });
        if (held == files_.end()) return;
        const dev_t device = (*held)->device;
        const ino_t inode = (*held)->inode;
        File* entry = lookup_idle(device, inode);
        if (entry == nullptr) continue;
        entry->wholes.set(owner, 0, kEndOfFile, LockKind::kNone);
        if (entry->records.has(owner)) release(*entry, owner, 0, kEndOfFile);
        forget_if_empty(device, inode);
    }
}

void FileLocks::ended(const Process& process) {
    release_all(&process);
}
void FileLocks::gone(const OpenFile& file) {
    release_all(&file);
}

void forget_locks(const OpenFile& file) {
    system().locks.gone(file);
}

std::int64_t close_descriptor(Process& process, std::uint64_t fd) {
    const Ref<OpenFile> file = process.files->hold(fd);
    const Ref<Descriptors> files = process.files;
    const std::int64_t result = files->close(fd);
    if (file) system().locks.closed(process, *file);
    return result;
}

}  // namespace enclavisor::runtime
