// What is wrong or risky about one mount, looking at the host's files behind it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/lib/config.hpp"
#include "host/tools/check.hpp"

namespace enclavisor::host {

struct MountProblem {
    Finding::Weight weight;
    std::string what, cure;
};

// `mount` is one of `all`. Adds the sizes of a trusted mount's files to `trusted_bytes`.
std::vector<MountProblem> mount_problems(const Mount& mount, const std::vector<Mount>& all,
                                         std::uint64_t& trusted_bytes);

}  // namespace enclavisor::host
