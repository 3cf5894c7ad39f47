// Which platform a VM is started on.
#pragma once

#include <string>

#include "host/lib/sev_host.hpp"

namespace enclavisor::host {

struct PlatformChoice {
    Platform platform;
    std::string reason;  // of "auto"; else empty
};

// By name, or with "auto" the strongest of hardware's that this machine can start. Where it can
// start none, that is sim-sev, which protects nothing, and the reason says so.
Result<PlatformChoice> choose_platform(const std::string& name, std::uint64_t memory_mib);

// What "auto" is there. `lacks`: of one platform.
using Lacks = std::vector<Error>;
PlatformChoice strongest_platform(const Lacks& snp, const Lacks& es, const Lacks& sev);

// Of this machine and installation: `lacks`, and the kernel for it.
Lacks lacks_here(Platform platform, const SevHost& host, const Result<QemuFacts>& qemu,
                 std::uint64_t memory_mib);
Result<QemuFacts> ask_found_qemu();

}  // namespace enclavisor::host
