// Servers of Debian in an enclave and in a Linux guest, driven by the same clients of this machine.
#pragma once

#include <filesystem>

#include "bench/linux_arm.hpp"
#include "bench/results.hpp"

namespace enclavisor::bench {

// Requests per second, medians of rounds that alternate between the two: "redis.set-1", "redis.get-16" and
// so on, the number being how many requests a client sends at once.
host::Result<void> measure_redis(const LinuxKernel& kernel, const std::filesystem::path& programs,
                                 const std::filesystem::path& work, int rounds, Results& results);

}  // namespace enclavisor::bench
