// The names of terminals: /dev/tty, /dev/ptmx and what is in /dev/pts.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/files/file_system.hpp"
#include "runtime/files/memory_file.hpp"

namespace enclavisor::runtime {

// Whether such a name is the enclave's to answer for, be something there or not. Before a host's root
// the host's own terminals keep their names.
bool has_terminal_name(std::string_view path);
Opened open_terminal(std::string_view path, int flags);
std::int64_t stat_terminal(std::string_view path, struct stat& info);
// Of /dev/pts.
std::vector<Entry> terminal_entries();

}  // namespace enclavisor::runtime
