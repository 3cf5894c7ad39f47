// An archive that Linux unpacks as its first root file system: cpio, format "newc"
// (Documentation/driver-api/early-userspace/buffer-format.rst).
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace enclavisor::bench {

class Initramfs {
public:
    void add_directory(std::string_view path) { add(path, 0040755, {}); }
    void add_program(std::string_view path, std::span<const std::byte> bytes) { add(path, 0100755, bytes); }
    void add_file(std::string_view path, std::string_view text) {
        add(path, 0100644, std::as_bytes(std::span{text}));
    }
    // A file of this machine, or all that a directory holds, at its own path, with the times of
    // its files: Python believes what it has compiled by them. Links become what they name.
    void add_from_host(const std::filesystem::path& path);
    std::string finish() &&;

private:
    void add(std::string_view path, unsigned mode, std::span<const std::byte> bytes, std::int64_t time = 0);
    void add_parents(const std::filesystem::path& path);
    void pad();

    std::string archive_;
    std::set<std::filesystem::path> there_;  // directories
    unsigned next_inode_ = 1;
};

}  // namespace enclavisor::bench
