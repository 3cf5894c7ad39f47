// The launch digest of SEV-SNP, page by page as SNP_LAUNCH_UPDATE makes it (56860 8.17.2),
// in QEMU's order: image, sections, vCPUs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "host/lib/firmware.hpp"
#include "host/lib/kernel_hashes.hpp"
#include "host/lib/vmsa.hpp"

namespace enclavisor::host {

using SnpDigest = std::array<std::byte, 48>;

class SnpLaunch {
public:
    // Goes on from where another is.
    explicit SnpLaunch(const SnpDigest& begin = {}) : digest_{begin} {}

    void add_image(const Firmware& firmware);
    Result<void> add_sections(const Firmware& firmware, const std::optional<KernelHashes>& hashes);
    Result<void> add_vcpus(const Firmware& firmware, unsigned vcpus, const VcpuState& state);

    const SnpDigest& digest() const { return digest_; }

private:
    enum class PageType : std::uint8_t { kNormal = 1, kVmsa = 2, kZero = 3, kSecrets = 5, kCpuid = 6 };
    // `contents`: a page; empty if it is not measured.
    void add_page(PageType type, std::uint64_t address, std::span<const std::byte> contents = {});

    SnpDigest digest_;
};

}  // namespace enclavisor::host
