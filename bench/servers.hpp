// What uses network and disk, in an enclave and in a Linux guest by turns, in wall time.
#pragma once

#include <filesystem>

#include "bench/enclave_arm.hpp"
#include "bench/linux_arm.hpp"
#include "bench/results.hpp"

namespace enclavisor::bench {

// Requests per second, medians of rounds that alternate between the two: "redis.set-1", "redis.get-16" and
// so on, the number being how many requests a client sends at once; "nginx.get".
host::Result<void> measure_redis(LinuxArm arm, const std::filesystem::path& work, int rounds,
                                 Results& results);
host::Result<void> measure_nginx(LinuxArm arm, const std::filesystem::path& work, int rounds,
                                 Results& results);

// Transactions per second of SQLite on a file, each kept by fsync: "sqlite-durable.transactions".
host::Result<void> measure_durable(EnclaveArm enclave, LinuxArm guest, const std::filesystem::path& work,
                                   int rounds, Results& results);

}  // namespace enclavisor::bench
