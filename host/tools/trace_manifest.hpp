// Makes a manifest of what a traced program used.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/lib/error.hpp"
#include "host/tools/recording.hpp"

namespace enclavisor::host {

struct TraceSurroundings {
    std::vector<std::string> environment;  // NAME=value
    std::uint64_t uid = 0, gid = 0;
    std::uint64_t peak_kib = 0;
};

// Looks at the recorded files as they are now. Fails if what it must say cannot be said in TOML.
Result<std::string> write_manifest(const Recording& recording, const TraceSurroundings& surroundings);

// The calls that an enclave does not answer, one line each.
std::vector<std::string> unanswered(const Recording& recording);

}  // namespace enclavisor::host
