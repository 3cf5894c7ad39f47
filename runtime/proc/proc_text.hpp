// What the text files of /proc and /sys that the runtime answers for contain.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/proc/proc_name.hpp"

namespace enclavisor::runtime {

// Of the whole system. Nothing: there is no such file here.
bool has_proc_text(std::string_view path);
std::string proc_text(std::string_view path);  // precondition: has_proc_text(path)
// The names in /proc of those.
std::vector<std::string_view> proc_text_names();

// Of a process or a thread (proc_process.cpp).
bool has_process_text(std::string_view rest);
std::string process_text(const ProcName& name);  // precondition: has_process_text(name.rest)
std::vector<std::string_view> process_text_names();

}  // namespace enclavisor::runtime
