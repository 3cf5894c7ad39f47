// Calls that take names of files, in their *at forms; the old forms are in
// old_names.cpp.
#include "runtime/calls/names.hpp"

#include "runtime/calls/call.hpp"
#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"

namespace enclavisor::runtime {

std::int64_t get_place(int directory, Address path_address, bool follow, Place& place) {
    std::string path;
    TRY_ERRNO(get_path(path_address, path));
    if (path.empty()) return -ENOENT;
    Ref<OpenFile> base;
    if (directory != AT_FDCWD && path[0] != '/') base = TRY_FILE(static_cast<Fd>(directory));
    const std::int64_t result = system().names.resolve(base.get(), path, follow, place);
    if (base) place.base = std::move(base);
    return result;
}

std::int64_t open_at(int directory, Address path, int flags, std::uint32_t mode) {
    Place place;
    const bool follow = !(flags & O_NOFOLLOW) && !((flags & O_CREAT) && (flags & O_EXCL));
    TRY_ERRNO(get_place(directory, path, follow, place));
    auto opened = place.files->open(place, flags, mode & ~process().directory->umask);
    if (!opened.ok()) return opened.error();
    return process().files->add(opened.take(), flags & O_CLOEXEC);
}

namespace {

// Whether an empty path with AT_EMPTY_PATH names the descriptor itself.
bool names_descriptor(Address path, int flags) {
    char first;
    return (flags & AT_EMPTY_PATH) && (path == 0 || (get(path, first) && first == 0));
}

std::int64_t sys_openat(int directory, Address path, int flags, std::uint32_t mode) {
    return open_at(directory, path, flags, mode);
}

std::int64_t read_stat(int directory, Address path, int flags, struct stat& info) {
    constexpr int kKnown = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
    if (flags & ~kKnown) return -EINVAL;
    Place place;
    if (names_descriptor(path, flags)) {
        if (directory != AT_FDCWD) return TRY_FILE(static_cast<Fd>(directory))->stat(info);
        TRY_ERRNO(system().names.resolve(nullptr, ".", true, place));
    } else {
        TRY_ERRNO(get_place(directory, path, !(flags & AT_SYMLINK_NOFOLLOW), place));
    }
    return place.files->stat(place, flags & AT_SYMLINK_NOFOLLOW, info);
}

std::int64_t sys_newfstatat(int directory, Address path, Address to, int flags) {
    struct stat info;
    TRY_ERRNO(read_stat(directory, path, flags, info));
    return put(to, info);
}

std::int64_t sys_statx(int directory, Address path, int flags, std::uint32_t mask, Address to) {
    constexpr int kSync = AT_STATX_SYNC_TYPE;
    constexpr std::uint32_t kReserved = 0x80000000;
    if (mask & kReserved) return -EINVAL;
    Place place;
    const bool descriptor = names_descriptor(path, flags);
    if (!descriptor) TRY_ERRNO(get_place(directory, path, !(flags & AT_SYMLINK_NOFOLLOW), place));
    Ref<OpenFile> file;
    if (descriptor && directory != AT_FDCWD) file = TRY_FILE(static_cast<Fd>(directory));
    struct statx result {};
    // The host knows more than stat holds: the time of birth.
    const bool host_name =
        !descriptor && system().names.host_only() && place.files != &system().names.special();
    if (host_name || (file && file->host_fd() >= 0)) {
        TRY_ERRNO(forward(abi::ForwardedCall::kStatx, host_name ? place.directory : file->host_fd(),
                          host_name ? place.path.c_str() : "", flags, mask, &result));
        if (!statx_valid(result)) return -EIO;
        return put(to, result);
    }
    struct stat info;
    TRY_ERRNO(read_stat(directory, path, flags & ~kSync, info));
    auto time = [](const timespec& t) {
        return statx_timestamp{t.tv_sec, static_cast<std::uint32_t>(t.tv_nsec), 0};
    };
    result.stx_mask = STATX_BASIC_STATS;
    result.stx_blksize = static_cast<std::uint32_t>(info.st_blksize);
    result.stx_nlink = static_cast<std::uint32_t>(info.st_nlink);
    result.stx_uid = info.st_uid;
    result.stx_gid = info.st_gid;
    result.stx_mode = static_cast<std::uint16_t>(info.st_mode);
    result.stx_ino = info.st_ino;
    result.stx_size = static_cast<std::uint64_t>(info.st_size);
    result.stx_blocks = static_cast<std::uint64_t>(info.st_blocks);
    result.stx_atime = time(info.st_atim);
    result.stx_mtime = time(info.st_mtim);
    result.stx_ctime = time(info.st_ctim);
    result.stx_dev_minor = static_cast<std::uint32_t>(info.st_dev & 0xff);
    result.stx_dev_major = static_cast<std::uint32_t>(info.st_dev >> 8);
    result.stx_rdev_minor = static_cast<std::uint32_t>(info.st_rdev & 0xff);
    result.stx_rdev_major = static_cast<std::uint32_t>(info.st_rdev >> 8);
    return put(to, result);
}

std::int64_t sys_faccessat2(int directory, Address path, int mode, int flags) {
    Place place;
    if (names_descriptor(path, flags)) {
        TRY_FILE(static_cast<Fd>(directory));
        return 0;
    }
    TRY_ERRNO(get_place(directory, path, !(flags & AT_SYMLINK_NOFOLLOW), place));
    return place.files->access(place, mode, flags);
}
std::int64_t sys_faccessat(int directory, Address path, int mode) {
    return sys_faccessat2(directory, path, mode, 0);
}

std::int64_t sys_readlinkat(int directory, Address path, Address to, std::int32_t size) {
    if (size <= 0) return -EINVAL;
    Place place;
    std::string target;
    TRY_ERRNO(get_place(directory, path, false, place));
    TRY_ERRNO(place.files->read_link(place, target));
    const std::size_t count = std::min<std::size_t>(target.size(), static_cast<std::size_t>(size));
    return copy_out(to, target.data(), count) ? static_cast<std::int64_t>(count) : -EFAULT;
}

std::uint32_t masked(std::uint32_t mode) {
    return mode & ~process().directory->umask;
}

std::int64_t sys_mkdirat(int directory, Address path, std::uint32_t mode) {
    Place place;
    TRY_ERRNO(get_place(directory, path, false, place));
    return place.files->make_directory(place, masked(mode));
}

std::int64_t sys_mknodat(int directory, Address path, std::uint32_t mode, std::uint64_t device) {
    Place place;
    TRY_ERRNO(get_place(directory, path, false, place));
    return place.files->make_node(place, masked(mode), device);
}

std::int64_t sys_unlinkat(int directory, Address path, int flags) {
    if (flags & ~AT_REMOVEDIR) return -EINVAL;
    Place place;
    TRY_ERRNO(get_place(directory, path, false, place));
    return place.files->unlink(place, flags);
}

std::int64_t sys_renameat2(int from_directory, Address from, int to_directory, Address to, unsigned flags) {
    Place source, target;
    TRY_ERRNO(get_place(from_directory, from, false, source));
    TRY_ERRNO(get_place(to_directory, to, false, target));
    return source.files == target.files ? source.files->rename(source, target, flags) : -EXDEV;
}
std::int64_t sys_renameat(int from_directory, Address from, int to_directory, Address to) {
    return sys_renameat2(from_directory, from, to_directory, to, 0);
}

std::int64_t sys_linkat(int from_directory, Address from, int to_directory, Address to, int flags) {
    if (flags & ~AT_SYMLINK_FOLLOW) return -EINVAL;  // AT_EMPTY_PATH needs a privilege
    Place source, target;
    TRY_ERRNO(get_place(from_directory, from, flags & AT_SYMLINK_FOLLOW, source));
    TRY_ERRNO(get_place(to_directory, to, false, target));
    return source.files == target.files ? source.files->link(source, target, flags) : -EXDEV;
}

std::int64_t sys_symlinkat(Address target_address, int directory, Address path) {
    Place place;
    std::string target;
    TRY_ERRNO(get_path(target_address, target));
    TRY_ERRNO(get_place(directory, path, false, place));
    return place.files->make_link(target, place);
}

std::int64_t sys_fchmodat(int directory, Address path, std::uint32_t mode) {
    Place place;
    TRY_ERRNO(get_place(directory, path, true, place));
    return place.files->change_mode(place, mode, 0);
}

std::int64_t sys_fchownat(int directory, Address path, std::uint32_t uid, std::uint32_t gid, int flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    if (names_descriptor(path, flags)) return TRY_FILE(static_cast<Fd>(directory))->change_owner(uid, gid);
    Place place;
    TRY_ERRNO(get_place(directory, path, !(flags & AT_SYMLINK_NOFOLLOW), place));
    return place.files->change_owner(place, uid, gid, flags & AT_SYMLINK_NOFOLLOW);
}

std::int64_t sys_utimensat(int directory, Address path, Address times_address, int flags) {
    timespec times[2];
    if (times_address != 0 && !get(times_address, times)) return -EFAULT;
    return set_times_at(directory, path, times_address != 0 ? times : nullptr, flags);
}

std::int64_t sys_truncate(Address path, std::int64_t size) {
    if (size < 0) return -EINVAL;
    Place place;
    TRY_ERRNO(get_place(AT_FDCWD, path, true, place));
    return place.files->truncate(place, static_cast<std::uint64_t>(size));
}

std::int64_t sys_statfs(Address path, Address to) {
    struct statfs info;
    Place place;
    TRY_ERRNO(get_place(AT_FDCWD, path, true, place));
    TRY_ERRNO(place.files->stat_file_system(place, info));
    return put(to, info);
}

std::int64_t sys_chdir(Address path_address) {
    std::string path;
    TRY_ERRNO(get_path(path_address, path));
    return path.empty() ? -ENOENT : system().names.change_directory(path);
}
std::int64_t sys_fchdir(Fd fd) {
    return system().names.change_directory(*TRY_FILE(fd));
}

std::int64_t sys_getcwd(Address to, std::uint64_t size) {
    std::string path;
    TRY_ERRNO(system().names.working_directory(*process().directory, path));
    if (path.size() + 1 > size) return -ERANGE;
    return copy_out(to, path.c_str(), path.size() + 1) ? static_cast<std::int64_t>(path.size() + 1) : -EFAULT;
}

std::int64_t sys_umask(std::uint32_t mask) {
    const std::uint32_t old = process().directory->umask;
    process().directory->umask = mask & 0777;
    // The host masks what every process does; the rest is done here.
    const std::uint32_t common = system().host_umask & mask;
    if (common != system().host_umask) {
        system().host_umask = common;
        forward(abi::ForwardedCall::kUmask, common);
    }
    return old;
}

}  // namespace

std::int64_t set_times_at(int directory, Address path, const timespec* times, int flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    if (path == 0 || names_descriptor(path, flags)) {
        if (directory == AT_FDCWD) return -EFAULT;
        return TRY_FILE(static_cast<Fd>(directory))->set_times(times);
    }
    Place place;
    TRY_ERRNO(get_place(directory, path, !(flags & AT_SYMLINK_NOFOLLOW), place));
    return place.files->set_times(place, times, flags & AT_SYMLINK_NOFOLLOW);
}

ENCLAVISOR_CALL(openat)
ENCLAVISOR_CALL(newfstatat)
ENCLAVISOR_CALL(statx)
ENCLAVISOR_CALL(faccessat2)
ENCLAVISOR_CALL(faccessat)
ENCLAVISOR_CALL(readlinkat)
ENCLAVISOR_CALL(mkdirat)
ENCLAVISOR_CALL(mknodat)
ENCLAVISOR_CALL(unlinkat)
ENCLAVISOR_CALL(renameat2)
ENCLAVISOR_CALL(renameat)
ENCLAVISOR_CALL(linkat)
ENCLAVISOR_CALL(symlinkat)
ENCLAVISOR_CALL(fchmodat)
ENCLAVISOR_CALL(fchownat)
ENCLAVISOR_CALL(utimensat)
ENCLAVISOR_CALL(truncate)
ENCLAVISOR_CALL(statfs)
ENCLAVISOR_CALL(chdir)
ENCLAVISOR_CALL(fchdir)
ENCLAVISOR_CALL(getcwd)
ENCLAVISOR_CALL(umask)

}  // namespace enclavisor::runtime
