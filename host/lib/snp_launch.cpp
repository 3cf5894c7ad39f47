#include "host/lib/snp_launch.hpp"

#include <algorithm>
#include <type_traits>

#include "abi/platform/layout.hpp"
#include "base/checked.hpp"
#include "host/lib/sha.hpp"

namespace enclavisor::host {
namespace {

struct PageInfo {
    SnpDigest digest;
    SnpDigest contents;
    std::uint16_t size;
    std::uint8_t page_type;
    std::uint8_t imi_page;
    std::uint8_t vmpl3_permissions, vmpl2_permissions, vmpl1_permissions;
    std::uint8_t reserved;
    std::uint64_t address;
};
static_assert(sizeof(PageInfo) == 0x70 && std::has_unique_object_representations_v<PageInfo>);

// KVM's for all vCPUs.
constexpr std::uint64_t kVmsaAddress = 0xffff'ffff'f000;

SnpDigest sha384(std::span<const std::byte> bytes) {
    Sha sha{ShaKind::kSha384};
    sha.update(bytes);
    SnpDigest digest;
    sha.finish(digest);
    return digest;
}

}  // namespace

void SnpLaunch::add_page(PageType type, std::uint64_t address, std::span<const std::byte> contents) {
    PageInfo info{};
    info.digest = digest_;
    if (!contents.empty()) info.contents = sha384(contents);
    info.size = sizeof(PageInfo);
    info.page_type = static_cast<std::uint8_t>(type);
    info.address = address;
    digest_ = sha384(std::as_bytes(std::span{&info, 1}));
}

void SnpLaunch::add_image(const Firmware& firmware) {
    for (std::size_t at = 0; at < firmware.bytes.size(); at += abi::kPageSize)
        add_page(PageType::kNormal, firmware.base() + at, firmware.bytes.subspan(at, abi::kPageSize));
}

Result<void> SnpLaunch::add_sections(const Firmware& firmware, const std::optional<KernelHashes>& hashes) {
    if (!firmware.has_metadata) {
        return fail(firmware.name + " has no SEV metadata, which SEV-SNP needs",
                    "give a firmware that is built for SEV-SNP", kExitNotExecutable);
    }
    bool hashes_added = false;
    for (const FirmwareSection& section : firmware.sections) {
        if (section.kind == abi::SevSectionKind::kKernelHashes && hashes) {
            std::array<std::byte, abi::kPageSize> page{};
            const auto area = TRY(kernel_hashes_area(firmware));
            const auto table = hashes->table();
            if (!base::range_within(area.base, table.size(), section.base, section.base + section.size)) {
                return fail(firmware.name + ": its area for kernel hashes is not in its section for them",
                            "give a firmware that can take them", kExitNotExecutable);
            }
            std::copy(table.begin(), table.end(), page.begin() + (area.base - section.base));
            add_page(PageType::kNormal, section.base, page);
            hashes_added = true;
            continue;
        }
        const PageType type = section.kind == abi::SevSectionKind::kSecrets ? PageType::kSecrets
                              : section.kind == abi::SevSectionKind::kCpuid ? PageType::kCpuid
                                                                            : PageType::kZero;
        for (std::uint64_t at = 0; at < section.size; at += abi::kPageSize) add_page(type, section.base + at);
    }
    if (hashes && !hashes_added)
        return fail(firmware.name + " has no section for kernel hashes", "give a firmware that can take them",
                    kExitNotExecutable);
    return {};
}

Result<void> SnpLaunch::add_vcpus(const Firmware& firmware, unsigned vcpus, const VcpuState& state) {
    const std::uint32_t others = TRY(reset_address(firmware));
    for (unsigned i = 0; i < vcpus; i++) {
        const abi::Vmsa page = initial_vmsa(i == 0 ? kFirstVcpuReset : others, state);
        add_page(PageType::kVmsa, kVmsaAddress, std::as_bytes(std::span{&page, 1}));
    }
    return {};
}

}  // namespace enclavisor::host
