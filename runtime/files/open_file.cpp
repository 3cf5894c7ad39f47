#include "runtime/files/open_file.hpp"

namespace enclavisor::runtime {

// Who watches lets go first: no more can be said of the file, and closing it may
// release the lock.
void OpenFile::dispose() {
    while (FileWatch* watch = watches_.pop_front()) watch->file_closed();
    delete this;
}

FileWatch* OpenFile::find_watch(const void* owner, std::uint64_t fd) const {
    FileWatch* watch = watches_.first();
    while (watch != nullptr && (watch->owner != owner || watch->fd != fd)) watch = Watches::next(watch);
    return watch;
}

}  // namespace enclavisor::runtime
