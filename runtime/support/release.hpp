// What the runtime says it is (uname, /proc).
#pragma once

#include <string_view>

namespace enclavisor::runtime {

inline constexpr std::string_view kRelease = "6.1.0-enclavisor", kVersion = "#1 SMP enclavisor";

}  // namespace enclavisor::runtime
