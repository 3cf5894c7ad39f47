#include "runtime/host/checks.hpp"

#include <cstdint>
#include <cstring>

namespace enclavisor::runtime {

bool directory_entries_valid(std::span<const std::byte> bytes) {
    // linux_dirent64: d_ino 8, d_off 8, d_reclen 2, d_type 1, d_name.
    constexpr std::size_t kHead = 19;
    while (!bytes.empty()) {
        if (bytes.size() < kHead + 2) return false;
        std::uint16_t size;
        std::memcpy(&size, bytes.data() + 16, sizeof(size));
        if (size < kHead + 2 || size % 8 != 0 || size > bytes.size()) return false;
        const std::string_view name{reinterpret_cast<const char*>(bytes.data()) + kHead, size - kHead};
        const std::size_t end = name.find('\0');
        if (end == 0 || end == std::string_view::npos || end > 255) return false;
        if (name.substr(0, end).find('/') != std::string_view::npos) return false;
        bytes = bytes.subspan(size);
    }
    return true;
}

bool inotify_events_valid(std::span<const std::byte> bytes) {
    // inotify_event: wd 4, mask 4, cookie 4, len 4, name.
    constexpr std::size_t kHead = 16;
    while (!bytes.empty()) {
        std::uint32_t size;
        if (bytes.size() < kHead) return false;
        std::memcpy(&size, bytes.data() + 12, sizeof(size));
        if (size % kHead != 0 || size > bytes.size() - kHead) return false;
        const std::string_view name{reinterpret_cast<const char*>(bytes.data()) + kHead, size};
        if (size > 0 && name.back() != '\0') return false;
        if (name.find('/') != std::string_view::npos) return false;
        bytes = bytes.subspan(kHead + size);
    }
    return true;
}

bool working_directory_valid(std::string_view text) {
    return text.size() >= 2 && text[0] == '/' && text.find('\0') == text.size() - 1;
}

bool stat_valid(const struct stat& info) {
    constexpr blksize_t kMaxBlock = 1 << 26;
    return info.st_size >= 0 && info.st_blocks >= 0 && info.st_blksize > 0 && info.st_blksize <= kMaxBlock;
}

}  // namespace enclavisor::runtime
