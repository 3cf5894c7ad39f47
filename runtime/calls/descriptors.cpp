// Calls on open files: descriptors, attributes, locks, control.
#include <linux/close_range.h>
#include <sys/ioctl.h>

#include "runtime/calls/call.hpp"
#include "runtime/host/host.hpp"

namespace enclavisor::runtime {
namespace {

std::int64_t sys_close(Fd fd) {
    return close_descriptor(process(), fd);
}

std::int64_t sys_close_range(Fd first, Fd last, unsigned flags) {
    if (first > last || (flags & ~CLOSE_RANGE_CLOEXEC)) return -EINVAL;
    Descriptors& files = *process().files;
    for (std::uint64_t fd = first; fd <= last && fd < files.size(); fd++) {
        if (files.find(fd) == nullptr) continue;
        if (flags & CLOSE_RANGE_CLOEXEC)
            files.set_close_on_exec(fd, true);
        else
            close_descriptor(process(), fd);
    }
    return 0;
}

std::int64_t duplicate(Fd fd, std::uint64_t lowest, bool close_on_exec) {
    Ref<OpenFile> file = process().files->hold(fd);
    if (!file) return -EBADF;
    return process().files->add(std::move(file), close_on_exec, lowest);
}

std::int64_t sys_dup(Fd fd) {
    return duplicate(fd, 0, false);
}

std::int64_t sys_dup3(Fd from, Fd to, int flags) {
    if (flags & ~O_CLOEXEC || from == to) return -EINVAL;
    Ref<OpenFile> file = process().files->hold(from);
    if (!file) return -EBADF;
    if (process().files->find(to) != nullptr) close_descriptor(process(), to);
    return process().files->put(to, std::move(file), flags & O_CLOEXEC);
}

std::int64_t sys_dup2(Fd from, Fd to) {
    if (process().files->find(from) == nullptr) return -EBADF;
    return from == to ? std::int64_t{to} : sys_dup3(from, to, 0);
}

std::int64_t sys_fcntl(Fd fd, int command, std::uint64_t argument) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    Descriptors& files = *process().files;
    switch (command) {
        case F_DUPFD:
        case F_DUPFD_CLOEXEC:
            if (argument >= files.limit()) return -EINVAL;
            return duplicate(fd, argument, command == F_DUPFD_CLOEXEC);
        case F_GETFD:
            return files.close_on_exec(fd) ? FD_CLOEXEC : 0;
        case F_SETFD:
            files.set_close_on_exec(fd, argument & FD_CLOEXEC);
            return 0;
        case F_GETFL:
            return file->get_flags();
        case F_SETFL:
            return file->set_flags(static_cast<int>(argument));
        case F_GETLK:
        case F_SETLK:
        case F_SETLKW:
        case F_OFD_GETLK:
        case F_OFD_SETLK:
        case F_OFD_SETLKW:
            return system().locks.record(*file, command, argument);
        case F_GETOWN:
            return file->signal_owner;
        case F_SETOWN:
            file->signal_owner = static_cast<std::int32_t>(argument);
            return 0;
        case F_GETOWN_EX: {
            const std::int32_t owner = file->signal_owner;
            return put(argument,
                       owner < 0 ? f_owner_ex{F_OWNER_PGRP, -owner} : f_owner_ex{F_OWNER_PID, owner});
        }
        case F_GETPIPE_SZ:
            return file->pipe_size(0);
        case F_SETPIPE_SZ:
            if (static_cast<std::int32_t>(argument) < 0) return -EINVAL;
            return file->pipe_size(std::max<std::uint64_t>(static_cast<std::uint32_t>(argument), 1));
        default:
            return -EINVAL;
    }
}

std::int64_t sys_ioctl(Fd fd, std::uint32_t request, Address argument) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (request == FIOCLEX || request == FIONCLEX) {
        process().files->set_close_on_exec(fd, request == FIOCLEX);
        return 0;
    }
    return file->control(request, argument);
}

std::int64_t sys_fstat(Fd fd, Address to) {
    struct stat info;
    TRY_ERRNO(TRY_FILE(fd)->stat(info));
    return put(to, info);
}

std::int64_t sys_fstatfs(Fd fd, Address to) {
    struct statfs info;
    TRY_ERRNO(TRY_FILE(fd)->stat_file_system(info));
    return put(to, info);
}

std::int64_t sys_getdents64(Fd fd, Address to, std::uint32_t size) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    process().memory->bring(to, size);
    return file->entries(to, size);
}
std::int64_t sys_ftruncate(Fd fd, std::int64_t size) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    return size < 0 || !file->writable() ? -EINVAL : file->truncate(static_cast<std::uint64_t>(size));
}
std::int64_t sys_fallocate(Fd fd, int mode, std::int64_t offset, std::int64_t size) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (offset < 0 || size <= 0) return -EINVAL;
    if (!file->writable()) return -EBADF;
    return file->allocate(mode, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(size));
}
std::int64_t sys_fsync(Fd fd) {
    return TRY_FILE(fd)->sync(false);
}
std::int64_t sys_fdatasync(Fd fd) {
    return TRY_FILE(fd)->sync(true);
}
std::int64_t sys_syncfs(Fd fd) {
    return TRY_FILE(fd)->sync(false);
}
std::int64_t sys_sync_file_range(Fd fd) {
    return TRY_FILE(fd)->sync(true);
}
std::int64_t sys_sync(Frame*) {
    return forward(abi::ForwardedCall::kSync);
}
std::int64_t sys_fchmod(Fd fd, std::uint32_t mode) {
    return TRY_FILE(fd)->change_mode(mode);
}
std::int64_t sys_fchown(Fd fd, std::uint32_t uid, std::uint32_t gid) {
    return TRY_FILE(fd)->change_owner(uid, gid);
}
std::int64_t sys_flock(Fd fd, int operation) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    if (file->flags() & O_PATH) return -EBADF;
    if (file->host_fd() >= 0) return forward(abi::ForwardedCall::kFlock, file->host_fd(), operation);
    return system().locks.whole(*file, operation);
}

// Advice needs no effect, only a valid descriptor.
std::int64_t sys_fadvise64(Fd fd, std::uint64_t, std::uint64_t, int advice) {
    TRY_FILE(fd);
    return advice >= 0 && advice <= 5 ? 0 : -EINVAL;
}
std::int64_t sys_readahead(Fd fd) {
    TRY_FILE(fd);
    return 0;
}

}  // namespace

ENCLAVISOR_CALL(close)
ENCLAVISOR_CALL(close_range)
ENCLAVISOR_CALL(dup)
ENCLAVISOR_CALL(dup2)
ENCLAVISOR_CALL(dup3)
ENCLAVISOR_CALL(fcntl)
ENCLAVISOR_CALL(ioctl)
ENCLAVISOR_CALL(fstat)
ENCLAVISOR_CALL(fstatfs)
ENCLAVISOR_CALL(getdents64)
ENCLAVISOR_CALL(ftruncate)
ENCLAVISOR_CALL(fallocate)
ENCLAVISOR_CALL(fsync)
ENCLAVISOR_CALL(fdatasync)
ENCLAVISOR_CALL(syncfs)
ENCLAVISOR_CALL(sync_file_range)
ENCLAVISOR_CALL(sync)
ENCLAVISOR_CALL(fchmod)
ENCLAVISOR_CALL(fchown)
ENCLAVISOR_CALL(flock)
ENCLAVISOR_CALL(fadvise64)
ENCLAVISOR_CALL(readahead)

}  // namespace enclavisor::runtime
