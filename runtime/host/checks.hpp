// Checks of what host calls deliver beyond their result (private copies).
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace enclavisor::runtime {

// Whether `bytes` are whole linux_dirent64 records: lengths that fit and are
// aligned, names that end, are not empty and hold no slash.
bool directory_entries_valid(std::span<const std::byte> bytes);

// Whether `bytes` are whole inotify_event records, whose names end within them.
bool inotify_events_valid(std::span<const std::byte> bytes);

// Whether `text`, which getcwd delivered with its zero, is an absolute path.
bool working_directory_valid(std::string_view text);

// Whether sizes in `info` can be true: libc allocates and computes with them.
bool stat_valid(const struct stat& info);

}  // namespace enclavisor::runtime
