#include "runtime/host/checks.hpp"

#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "abi/host/forwarded_calls.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::int64_t kMaxBlock = 1 << 26, kMaxName = 4096;

bool block_valid(std::int64_t size) {
    return size > 0 && size <= kMaxBlock;
}

template <typename Time>
bool time_valid(const Time& time) {
    return time.tv_nsec >= 0 && time.tv_nsec < 1'000'000'000;
}

}  // namespace

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
        std::uint32_t watch, mask, size;
        if (bytes.size() < kHead) return false;
        std::memcpy(&watch, bytes.data(), sizeof(watch));
        std::memcpy(&mask, bytes.data() + 4, sizeof(mask));
        std::memcpy(&size, bytes.data() + 12, sizeof(size));
        if (watch == 0 || (watch > INT32_MAX && !(mask & IN_Q_OVERFLOW))) return false;
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

bool link_target_valid(std::string_view target) {
    return !target.empty() && target.find('\0') == std::string_view::npos;
}

bool stat_valid(const struct stat& info) {
    return info.st_size >= 0 && info.st_blocks >= 0 && block_valid(info.st_blksize) &&
           time_valid(info.st_atim) && time_valid(info.st_mtim) && time_valid(info.st_ctim);
}

bool statx_valid(const struct statx& info) {
    for (const auto* time : {&info.stx_atime, &info.stx_btime, &info.stx_ctime, &info.stx_mtime}) {
        if (time->tv_nsec >= 1'000'000'000) return false;
    }
    return info.stx_size <= INT64_MAX && info.stx_blocks <= INT64_MAX && block_valid(info.stx_blksize);
}

bool file_system_valid(const struct statfs& info) {
    return block_valid(info.f_bsize) && info.f_frsize >= 0 && info.f_frsize <= kMaxBlock &&
           info.f_namelen >= 0 && info.f_namelen <= kMaxName;
}

bool lock_valid(const struct flock& lock, std::int64_t start, std::int64_t length) {
    if (lock.l_type == F_UNLCK) return true;
    if (lock.l_type != F_RDLCK && lock.l_type != F_WRLCK) return false;
    if (lock.l_whence != SEEK_SET || lock.l_start < 0 || lock.l_len < 0 || lock.l_pid < -1) return false;
    const auto end = [](std::int64_t from, std::int64_t size) {
        return size == 0 || size > INT64_MAX - from ? INT64_MAX : from + size;
    };
    return lock.l_len <= INT64_MAX - lock.l_start && lock.l_start < end(start, length) &&
           start < end(lock.l_start, lock.l_len);
}

bool socket_address_valid(std::span<const std::byte> bytes) {
    sa_family_t family;
    if (bytes.size() < sizeof(family)) return false;
    std::memcpy(&family, bytes.data(), sizeof(family));
    switch (family) {
        case AF_INET:
            return bytes.size() == sizeof(sockaddr_in);
        case AF_INET6:
            return bytes.size() == sizeof(sockaddr_in6);
        case AF_UNIX:
            // A name that fills its room has its zero behind it.
            return bytes.size() <= sizeof(sockaddr_un) + 1;
        default:
            return true;
    }
}

bool socket_error_valid(std::span<const std::byte> bytes) {
    std::int32_t error = 0;
    if (!bytes.empty()) std::memcpy(&error, bytes.data(), std::min(bytes.size(), sizeof(error)));
    return error >= 0 && error <= abi::kMaxErrno;
}

}  // namespace enclavisor::runtime
