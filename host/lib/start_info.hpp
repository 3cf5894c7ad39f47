// What the host tells a process enclave when it starts: arguments, environment,
// time, identity (abi/enclave/config.hpp). The enclave believes what its
// configuration lets it believe.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "host/lib/error.hpp"

namespace enclavisor::host {

struct StartParameters {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // NAME=value
    bool verbose = false;
    std::string directory;  // empty: the caller's
    int pid = 0;            // 0: the caller's
};

// Fills `data` (the I/O area's data) with identity, time and names of this process.
Result<void> write_start_info(std::span<std::byte> data, const StartParameters& parameters);

}  // namespace enclavisor::host
