#include "runtime/files/open_file.hpp"

#include <vector>

#include "runtime/objects/host_epoll.hpp"

namespace enclavisor::runtime {

// Who watches lets go first: no more can be said of the file, and closing it may
// release the lock.
void OpenFile::dispose() {
    std::vector<int> host_fds;
    while (FileWatch* watch = watches_.pop_front()) {
        if (const int fd = watch->file_closed(); fd >= 0) host_fds.push_back(fd);
    }
    for (const int fd : host_fds) host_epoll_close(fd);
    if (owns_locks) forget_locks(*this);
    delete this;
}

FileWatch* OpenFile::find_watch(const void* owner, std::uint64_t fd) const {
    FileWatch* watch = watches_.first();
    while (watch != nullptr && (watch->owner != owner || watch->fd != fd)) watch = Watches::next(watch);
    return watch;
}

}  // namespace enclavisor::runtime
