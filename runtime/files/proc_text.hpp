// What the text files of /proc and /sys that the runtime answers for contain.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace enclavisor::runtime {

bool has_proc_text(std::string_view path);
// Precondition: has_proc_text(path).
std::string proc_text(std::string_view path);

}  // namespace enclavisor::runtime
