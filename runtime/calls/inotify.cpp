// inotify: the host's, about the host's files. What it says has structure, and is
// checked; whether it is true is the host's word, as all about its files.
#include <errno.h>
#include <sys/inotify.h>

#include <algorithm>

#include "runtime/calls/call.hpp"
#include "runtime/calls/names.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/files/host_files.hpp"
#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"
#include "runtime/support/buffer.hpp"

namespace enclavisor::runtime {
namespace {

using C = abi::ForwardedCall;

class Inotify final : public HostFile {
public:
    using HostFile::HostFile;

    std::int64_t read(const Buffers& to, std::uint64_t offset) override {
        if (offset != kPosition) return -ESPIPE;
        Buffer bounce{std::min<std::uint64_t>(to.size(), kMaxFurtherTransfer)};
        const std::int64_t count = forward(C::kRead, host_fd(), bounce.data(), bounce.size());
        if (count <= 0) return count;
        const auto valid = static_cast<std::uint64_t>(count);
        if (!inotify_events_valid({bounce.data(), valid})) return -EIO;
        return to.write(0, bounce.data(), valid) ? count : -EFAULT;
    }
    std::string name() const override { return "anon_inode:inotify"; }
    bool can_map() override { return false; }
};

std::int64_t sys_inotify_init1(int flags) {
    if (flags & ~(IN_CLOEXEC | IN_NONBLOCK)) return -EINVAL;
    const std::int64_t fd = TRY_ERRNO(forward(C::kInotifyInit, flags | IN_CLOEXEC));
    return process().files->add(
        Ref<OpenFile>{new Inotify(static_cast<int>(fd), O_RDONLY | (flags & IN_NONBLOCK))},
        flags & IN_CLOEXEC);
}
std::int64_t sys_inotify_init(Frame*) {
    return sys_inotify_init1(0);
}

std::int64_t sys_inotify_add_watch(Fd fd, Address path, std::uint32_t mask) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    Place place;
    TRY_ERRNO(get_place(AT_FDCWD, path, !(mask & IN_DONT_FOLLOW), place));
    if (file->host_fd() < 0) return -EINVAL;
    // Of the enclave's own files nobody tells.
    if (!place.files->is_host()) return -ENOSPC;
    return forward(C::kInotifyAddWatch, file->host_fd(), whole_path(place).c_str(), mask);
}

std::int64_t sys_inotify_rm_watch(Fd fd, std::int32_t watch) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    return file->host_fd() < 0 ? -EINVAL : forward(C::kInotifyRemoveWatch, file->host_fd(), watch);
}

}  // namespace

ENCLAVISOR_CALL(inotify_init)
ENCLAVISOR_CALL(inotify_init1)
ENCLAVISOR_CALL(inotify_add_watch)
ENCLAVISOR_CALL(inotify_rm_watch)

}  // namespace enclavisor::runtime
