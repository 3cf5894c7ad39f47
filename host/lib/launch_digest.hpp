// What the secure processor measures when QEMU launches a VM (docs/measurement.md, "The VM"),
// computed from the firmware image alone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "host/lib/firmware.hpp"
#include "host/lib/kernel_hashes.hpp"
#include "host/lib/vmsa.hpp"

namespace enclavisor::host {

enum class LaunchKind { kSev, kSevEs, kSevSnp };

struct LaunchSpec {
    LaunchKind kind = LaunchKind::kSevSnp;
    // Of SEV-ES and SEV-SNP; SEV measures no vCPU.
    unsigned vcpus = 1;
    VcpuState vcpu_state{};
    std::optional<KernelHashes> kernel_hashes{};
};

// 32 bytes for SEV and SEV-ES, 48 for SEV-SNP. An error if the firmware lacks what this needs.
Result<std::vector<std::byte>> launch_digest(const Firmware& firmware, const LaunchSpec& spec);

}  // namespace enclavisor::host
