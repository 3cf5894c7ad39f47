// The forms from before the *at calls, and extended attributes, which no file
// here has.
#include <sys/time.h>
#include <utime.h>

#include "runtime/calls/call.hpp"
#include "runtime/calls/names.hpp"

namespace enclavisor::runtime {

// The function of another row, which takes the lock itself, with these arguments.
#define OTHER(name, a, b, c, d, e)                  \
    ({                                              \
        Frame other_{};                             \
        other_.rdi = static_cast<std::uint64_t>(a); \
        other_.rsi = static_cast<std::uint64_t>(b); \
        other_.rdx = static_cast<std::uint64_t>(c); \
        other_.r10 = static_cast<std::uint64_t>(d); \
        other_.r8 = static_cast<std::uint64_t>(e);  \
        entry_##name(&other_);                      \
    })

std::int64_t entry_newfstatat(Frame*);
std::int64_t entry_faccessat(Frame*);
std::int64_t entry_readlinkat(Frame*);
std::int64_t entry_mkdirat(Frame*);
std::int64_t entry_mknodat(Frame*);
std::int64_t entry_unlinkat(Frame*);
std::int64_t entry_renameat2(Frame*);
std::int64_t entry_linkat(Frame*);
std::int64_t entry_symlinkat(Frame*);
std::int64_t entry_fchmodat(Frame*);
std::int64_t entry_fchownat(Frame*);

namespace {

std::int64_t sys_open(Address path, int flags, std::uint32_t mode) {
    return open_at(AT_FDCWD, path, flags, mode);
}
std::int64_t sys_creat(Address path, std::uint32_t mode) {
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
std::int64_t sys_stat(Address path, Address to) {
    return OTHER(newfstatat, AT_FDCWD, path, to, 0, 0);
}
std::int64_t sys_lstat(Address path, Address to) {
    return OTHER(newfstatat, AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW, 0);
}
std::int64_t sys_access(Address path, int mode) {
    return OTHER(faccessat, AT_FDCWD, path, mode, 0, 0);
}
std::int64_t sys_readlink(Address path, Address to, int size) {
    return OTHER(readlinkat, AT_FDCWD, path, to, size, 0);
}
std::int64_t sys_mkdir(Address path, std::uint32_t mode) {
    return OTHER(mkdirat, AT_FDCWD, path, mode, 0, 0);
}
std::int64_t sys_mknod(Address path, std::uint32_t mode, std::uint64_t device) {
    return OTHER(mknodat, AT_FDCWD, path, mode, device, 0);
}
std::int64_t sys_unlink(Address path) {
    return OTHER(unlinkat, AT_FDCWD, path, 0, 0, 0);
}
std::int64_t sys_rmdir(Address path) {
    return OTHER(unlinkat, AT_FDCWD, path, AT_REMOVEDIR, 0, 0);
}
std::int64_t sys_rename(Address from, Address to) {
    return OTHER(renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
std::int64_t sys_link(Address from, Address to) {
    return OTHER(linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
std::int64_t sys_symlink(Address target, Address path) {
    return OTHER(symlinkat, target, AT_FDCWD, path, 0, 0);
}
std::int64_t sys_chmod(Address path, std::uint32_t mode) {
    return OTHER(fchmodat, AT_FDCWD, path, mode, 0, 0);
}
std::int64_t sys_chown(Address path, std::uint32_t uid, std::uint32_t gid) {
    return OTHER(fchownat, AT_FDCWD, path, uid, gid, 0);
}
std::int64_t sys_lchown(Address path, std::uint32_t uid, std::uint32_t gid) {
    return OTHER(fchownat, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

std::int64_t sys_utime(Address path, Address from) {
    if (from == 0) return set_times_at(AT_FDCWD, path, nullptr, 0);
    utimbuf given;
    if (!get(from, given)) return -EFAULT;
    const timespec times[2] = {{given.actime, 0}, {given.modtime, 0}};
    return set_times_at(AT_FDCWD, path, times, 0);
}
std::int64_t sys_futimesat(int directory, Address path, Address from) {
    if (from == 0) return set_times_at(directory, path, nullptr, 0);
    timeval given[2];
    if (!get(from, given)) return -EFAULT;
    for (const timeval& time : given) {
        if (time.tv_usec < 0 || time.tv_usec >= 1'000'000) return -EINVAL;
    }
    const timespec times[2] = {{given[0].tv_sec, given[0].tv_usec * 1000},
                               {given[1].tv_sec, given[1].tv_usec * 1000}};
    return set_times_at(directory, path, times, 0);
}
std::int64_t sys_utimes(Address path, Address from) {
    return sys_futimesat(AT_FDCWD, path, from);
}

std::int64_t sys_no_attributes(Frame*) {
    return -EOPNOTSUPP;
}

}  // namespace

ENCLAVISOR_CALL(open)
ENCLAVISOR_CALL(creat)
ENCLAVISOR_FREE_CALL(stat)
ENCLAVISOR_FREE_CALL(lstat)
ENCLAVISOR_FREE_CALL(access)
ENCLAVISOR_FREE_CALL(readlink)
ENCLAVISOR_FREE_CALL(mkdir)
ENCLAVISOR_FREE_CALL(mknod)
ENCLAVISOR_FREE_CALL(unlink)
ENCLAVISOR_FREE_CALL(rmdir)
ENCLAVISOR_FREE_CALL(rename)
ENCLAVISOR_FREE_CALL(link)
ENCLAVISOR_FREE_CALL(symlink)
ENCLAVISOR_FREE_CALL(chmod)
ENCLAVISOR_FREE_CALL(chown)
ENCLAVISOR_FREE_CALL(lchown)
ENCLAVISOR_CALL(utime)
ENCLAVISOR_CALL(utimes)
ENCLAVISOR_CALL(futimesat)

#define WITHOUT_ATTRIBUTES(name)              \
    std::int64_t entry_##name(Frame* frame) { \
        return sys_no_attributes(frame);      \
    }
WITHOUT_ATTRIBUTES(setxattr)
WITHOUT_ATTRIBUTES(lsetxattr)
WITHOUT_ATTRIBUTES(fsetxattr)
WITHOUT_ATTRIBUTES(getxattr)
WITHOUT_ATTRIBUTES(lgetxattr)
WITHOUT_ATTRIBUTES(fgetxattr)
WITHOUT_ATTRIBUTES(listxattr)
WITHOUT_ATTRIBUTES(llistxattr)
WITHOUT_ATTRIBUTES(flistxattr)
WITHOUT_ATTRIBUTES(removexattr)
WITHOUT_ATTRIBUTES(lremovexattr)
WITHOUT_ATTRIBUTES(fremovexattr)

}  // namespace enclavisor::runtime
