#include "bench/initramfs.hpp"

#include <fmt/format.h>

namespace enclavisor::bench {

// Names and contents end at a multiple of four bytes.
void Initramfs::pad() {
    archive_.append((4 - archive_.size() % 4) % 4, '\0');
}

void Initramfs::add(std::string_view path, unsigned mode, std::span<const std::byte> bytes) {
    // Magic, inode, mode, owner, group, links, time, size, device (2), special
    // device (2), size of the name, checksum: eight hexadecimal digits each.
    archive_ += fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", next_inode_++, mode, 0, 0, 1,
                            0, bytes.size());
    archive_ += fmt::format("{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", 0, 0, 0, 0, path.size() + 1, 0);
    archive_ += path;
    archive_.push_back('\0');
    pad();
    archive_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    pad();
}

std::string Initramfs::finish() && {
    add("TRAILER!!!", 0, {});
    return std::move(archive_);
}

}  // namespace enclavisor::bench
