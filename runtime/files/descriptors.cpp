#include "runtime/files/descriptors.hpp"

#include <utility>

namespace enclavisor::runtime {

std::int64_t Descriptors::add(Ref<OpenFile> file, bool close_on_exec, std::uint64_t lowest) {
    std::uint64_t fd = lowest;
    while (fd < slots_.size() && slots_[fd].file) fd++;
    if (fd >= limit_) return -EMFILE;
    if (fd >= slots_.size()) slots_.resize(fd + 1);
    slots_[fd] = {std::move(file), close_on_exec};
    return static_cast<std::int64_t>(fd);
}

std::int64_t Descriptors::put(std::uint64_t fd, Ref<OpenFile> file, bool close_on_exec) {
    if (fd >= limit_) return -EBADF;
    if (fd >= slots_.size()) slots_.resize(fd + 1);
    // The old file is closed when the table is in order again: others may use it then.
    const Slot old = std::exchange(slots_[fd], Slot{std::move(file), close_on_exec});
    return static_cast<std::int64_t>(fd);
}

void Descriptors::close_on_exec_all() {
    for (std::uint64_t fd = 0; fd < slots_.size(); fd++) {
        if (slots_[fd].file && slots_[fd].close_on_exec) close(fd);
    }
}

std::int64_t Descriptors::close(std::uint64_t fd) {
    if (find(fd) == nullptr) return -EBADF;
    const Slot old = std::exchange(slots_[fd], Slot{});
    return 0;
}

}  // namespace enclavisor::runtime
