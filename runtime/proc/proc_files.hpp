// The files of /proc, and those of /sys that say the same, as open files and links. The host's own
// processes are never among them.
#pragma once

#include <string>
#include <string_view>

#include "runtime/files/file_system.hpp"
#include "runtime/processes/credentials.hpp"

namespace enclavisor::runtime {

// Whether such a normalised name is the enclave's to answer for, be something there or not.
bool has_proc_name(std::string_view path);
Opened open_proc(std::string_view path, int flags);
std::int64_t stat_proc(std::string_view path, int flags, struct stat& info);
std::int64_t read_proc_link(std::string_view path, std::string& target);

// What stat tells of a file that the enclave makes up.
struct stat describe(std::string_view path, mode_t mode, const Credentials& owner, dev_t device = 0);

}  // namespace enclavisor::runtime
