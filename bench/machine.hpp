// What the figures were measured on.
#pragma once

#include <string>

namespace enclavisor::bench {

inline constexpr const char* kGuestCpu = "max,-erms,-la57";
inline constexpr const char* kAccelerator = "tcg -icount shift=0,sleep=off";

std::string host_cpu_model();  // as /proc/cpuinfo names it
std::string qemu_version();    // "7.2.22 (Debian ...)"; empty: cannot be asked

}  // namespace enclavisor::bench
