#include "host/lib/launch_digest.hpp"

#include "host/lib/sha.hpp"
#include "host/lib/snp_launch.hpp"

namespace enclavisor::host {
namespace {

// SHA-256 over what LAUNCH_UPDATE_DATA and, for SEV-ES, LAUNCH_UPDATE_VMSA are given, in
// order (55766 6.3, 6.4). Addresses and lengths are not part of it.
Result<std::vector<std::byte>> sev_digest(const Firmware& firmware, const LaunchSpec& spec) {
    Sha sha{ShaKind::kSha256};
    sha.update(firmware.bytes);
    if (spec.kernel_hashes) {
        TRY(kernel_hashes_area(firmware));
        sha.update(spec.kernel_hashes->table());
    }
    if (spec.kind == LaunchKind::kSevEs) {
        const std::uint32_t others = TRY(reset_address(firmware));
        for (unsigned i = 0; i < spec.vcpus; i++) {
            const abi::Vmsa page = initial_vmsa(i == 0 ? kFirstVcpuReset : others, spec.vcpu_state);
            sha.update(std::as_bytes(std::span{&page, 1}));
        }
    }
    std::vector<std::byte> digest(32);
    sha.finish(digest);
    return digest;
}

}  // namespace

Result<std::vector<std::byte>> launch_digest(const Firmware& firmware, const LaunchSpec& spec) {
    if (spec.kind != LaunchKind::kSevSnp) return sev_digest(firmware, spec);
    SnpLaunch launch;
    launch.add_image(firmware);
    TRY(launch.add_sections(firmware, spec.kernel_hashes));
    TRY(launch.add_vcpus(firmware, spec.vcpus, spec.vcpu_state));
    return std::vector<std::byte>{launch.digest().begin(), launch.digest().end()};
}

}  // namespace enclavisor::host
