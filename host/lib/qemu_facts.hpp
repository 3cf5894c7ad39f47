// What a QEMU is and what it offers for SEV, in its own words.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "host/lib/error.hpp"

namespace enclavisor::host {

struct QemuFacts {
    std::pair<int, int> release;  // 7.2
    std::string version;          // "7.2.22"
    // Properties of the objects sev-guest and sev-snp-guest; none: there is no such object.
    std::set<std::string> sev, snp;
};

// Starts it, without a machine.
Result<QemuFacts> ask_qemu(const std::filesystem::path& qemu);

}  // namespace enclavisor::host
