#include "host/tools/path_calls.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

namespace enclavisor::host {
namespace {

// Sorted by number.
constexpr PathArgument kArguments[] = {
    {SYS_open, -1, 0, Access::kOpen, 1},
    {SYS_stat, -1, 0, Access::kLook},
    {SYS_lstat, -1, 0, Access::kLook},
    {SYS_access, -1, 0, Access::kLook},
    {SYS_execve, -1, 0, Access::kExecute},
    {SYS_truncate, -1, 0, Access::kChange},
    {SYS_chdir, -1, 0, Access::kEnter},
    {SYS_rename, -1, 0, Access::kRemove},
    {SYS_rename, -1, 1, Access::kMake},
    {SYS_mkdir, -1, 0, Access::kMake},
    {SYS_rmdir, -1, 0, Access::kRemove},
    {SYS_creat, -1, 0, Access::kMake},
    {SYS_link, -1, 0, Access::kLook},
    {SYS_link, -1, 1, Access::kMake},
    {SYS_unlink, -1, 0, Access::kRemove},
    {SYS_symlink, -1, 1, Access::kMake},
    {SYS_readlink, -1, 0, Access::kLook},
    {SYS_chmod, -1, 0, Access::kChange},
    {SYS_chown, -1, 0, Access::kChange},
    {SYS_lchown, -1, 0, Access::kChange},
    {SYS_utime, -1, 0, Access::kChange},
    {SYS_mknod, -1, 0, Access::kMake},
    {SYS_statfs, -1, 0, Access::kLook},
    {SYS_setxattr, -1, 0, Access::kChange},
    {SYS_lsetxattr, -1, 0, Access::kChange},
    {SYS_getxattr, -1, 0, Access::kLook},
    {SYS_lgetxattr, -1, 0, Access::kLook},
    {SYS_listxattr, -1, 0, Access::kLook},
    {SYS_llistxattr, -1, 0, Access::kLook},
    {SYS_removexattr, -1, 0, Access::kChange},
    {SYS_lremovexattr, -1, 0, Access::kChange},
    {SYS_utimes, -1, 0, Access::kChange},
    {SYS_inotify_add_watch, -1, 1, Access::kLook},
    {SYS_openat, 0, 1, Access::kOpen, 2},
    {SYS_mkdirat, 0, 1, Access::kMake},
    {SYS_mknodat, 0, 1, Access::kMake},
    {SYS_fchownat, 0, 1, Access::kChange},
    {SYS_futimesat, 0, 1, Access::kChange},
    {SYS_newfstatat, 0, 1, Access::kLook},
    {SYS_unlinkat, 0, 1, Access::kRemove},
    {SYS_renameat, 0, 1, Access::kRemove},
    {SYS_renameat, 2, 3, Access::kMake},
    {SYS_linkat, 0, 1, Access::kLook},
    {SYS_linkat, 2, 3, Access::kMake},
    {SYS_symlinkat, 1, 2, Access::kMake},
    {SYS_readlinkat, 0, 1, Access::kLook},
    {SYS_fchmodat, 0, 1, Access::kChange},
    {SYS_faccessat, 0, 1, Access::kLook},
    {SYS_utimensat, 0, 1, Access::kChange},
    {SYS_renameat2, 0, 1, Access::kRemove},
    {SYS_renameat2, 2, 3, Access::kMake},
    {SYS_execveat, 0, 1, Access::kExecute},
    {SYS_statx, 0, 1, Access::kLook},
    {SYS_openat2, 0, 1, Access::kOpen, 2},
    {SYS_faccessat2, 0, 1, Access::kLook},
};

constexpr bool by_number(const PathArgument& a, const PathArgument& b) {
    return a.number < b.number;
}
static_assert(std::is_sorted(std::begin(kArguments), std::end(kArguments), by_number));

}  // namespace

std::span<const PathArgument> path_arguments(std::uint64_t number) {
    const auto [begin, end] = std::equal_range(std::begin(kArguments), std::end(kArguments),
                                               PathArgument{number, -1, 0, Access::kLook}, by_number);
    return {begin, end};
}

}  // namespace enclavisor::host
