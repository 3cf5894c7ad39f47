// An archive that Linux unpacks as its first root file system: cpio, format "newc"
// (Documentation/driver-api/early-userspace/buffer-format.rst).
#pragma once

#include <cstddef>
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
    std::string finish() &&;

private:
    void add(std::string_view path, unsigned mode, std::span<const std::byte> bytes);
    void pad();

    std::string archive_;
    unsigned next_inode_ = 1;
};

}  // namespace enclavisor::bench
