// What the calls that move data share.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "runtime/files/open_file.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {

inline constexpr std::uint64_t kMaxCount = 0x7ffff000;  // MAX_RW_COUNT

// Copies an iovec array, checks its sizes and brings what it names. 0 or -errno.
std::int64_t get_vector(Address from, std::uint64_t count, std::vector<iovec>& parts);
// The offset at an address of the program's, or kPosition for address 0. 0 or -errno.
std::int64_t get_offset(Address from, std::uint64_t& offset);
// Moves bytes between files one of which is a pipe.
std::int64_t splice(OpenFile& from, OpenFile& to, std::uint64_t size);

}  // namespace enclavisor::runtime
