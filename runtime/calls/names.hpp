// What the calls on names share with their old forms.
#pragma once

#include <cstdint>

#include "runtime/files/file_system.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {

// Where the program's path leads; 0 or -errno.
std::int64_t get_place(int directory, Address path, bool follow, Place& place);

std::int64_t open_at(int directory, Address path, int flags, std::uint32_t mode);
// A null path names the descriptor; null times are now.
std::int64_t set_times_at(int directory, Address path, const timespec* times, int flags);

}  // namespace enclavisor::runtime
