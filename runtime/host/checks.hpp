// Checks of what host calls deliver beyond their result (private copies).
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace enclavisor::runtime {

// Whether `bytes` are whole linux_dirent64 records: lengths that fit and are
// aligned, names that end, are not empty and hold no slash.
bool directory_entries_valid(std::span<const std::byte> bytes);

// Whether `bytes` are whole inotify_event records, whose names end within them, about
// a watch or an overflow.
bool inotify_events_valid(std::span<const std::byte> bytes);

// Whether `text`, which getcwd delivered with its zero, is an absolute path.
bool working_directory_valid(std::string_view text);

// Whether `target` can be a link's: text without a zero.
bool link_target_valid(std::string_view target);

// Whether sizes and times in `info` can be true: libc allocates, divides and computes with them.
bool stat_valid(const struct stat& info);
bool statx_valid(const struct statx& info);
bool file_system_valid(const struct statfs& info);

// Whether `lock`, which F_OFD_GETLK made of a question about [start, start + length),
// length 0 being without end, says that it is free or names a lock that stands in its way.
bool lock_valid(const struct flock& lock, std::int64_t start, std::int64_t length);

// Whether `bytes` are a socket address, whole for the families whose size is known.
bool socket_address_valid(std::span<const std::byte> bytes);
// Whether `bytes`, of SO_ERROR, are an error number or 0, as far as they go.
bool socket_error_valid(std::span<const std::byte> bytes);

}  // namespace enclavisor::runtime
