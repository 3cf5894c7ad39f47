#include "bench/initramfs.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "host/lib/file.hpp"

namespace enclavisor::bench {

// Names and contents end at a multiple of four bytes.
void Initramfs::pad() {
    archive_.append((4 - archive_.size() % 4) % 4, '\0');
}

void Initramfs::add(std::string_view path, unsigned mode, std::span<const std::byte> bytes,
                    std::int64_t time) {
    // Magic, inode, mode, owner, group, links, time, size, device (2), special
    // device (2), size of the name, checksum: eight hexadecimal digits each.
    archive_ += fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", next_inode_++, mode, 0, 0, 1,
                            time, bytes.size());
    archive_ += fmt::format("{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", 0, 0, 0, 0, path.size() + 1, 0);
    archive_ += path;
    archive_.push_back('\0');
    pad();
    archive_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    pad();
}

void Initramfs::add_parents(const std::filesystem::path& path) {
    const auto parent = path.parent_path();
    if (parent == path || parent == "/" || !there_.insert(parent).second) return;
    add_parents(parent);
    add_directory(parent.string().substr(1));
}

void Initramfs::add_from_host(const std::filesystem::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return;  // a link that leads nowhere
    add_parents(path);
    if (S_ISDIR(info.st_mode)) {
        if (there_.insert(path).second) add_directory(path.string().substr(1));
        for (const auto& entry : std::filesystem::directory_iterator{path}) add_from_host(entry.path());
    } else if (const auto bytes = host::read_file(path); bytes.ok()) {
        add(path.string().substr(1), info.st_mode, bytes.value(), info.st_mtime);
    }
}

std::string Initramfs::finish() && {
    add("TRAILER!!!", 0, {});
    return std::move(archive_);
}

}  // namespace enclavisor::bench
