// Builds small firmware images for tests: zeros, with tables at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "abi/platform/firmware_table.hpp"

namespace enclavisor::host {

struct TestFirmware {
    std::size_t size = 4096;
    // Entries in the order in which they are read: backwards from the footer.
    std::vector<std::pair<abi::Guid, std::vector<std::uint32_t>>> entries;
    std::vector<abi::SevSection> sections;
    std::uint32_t metadata_from_end = 0x554;
    abi::SevMetadata metadata{abi::kSevMetadataSignature, 0, abi::kSevMetadataVersion, 0};

    // OVMF's AmdSev and OvmfX64 builds of 2023 and later, without their code.
    static TestFirmware amd_sev() {
        TestFirmware firmware = ovmf({0x810000, 0xc00}, {0x810c00, 0x400});
        firmware.sections.push_back({0x810000, 0x1000, 0x10});
        firmware.sections.push_back({0x811000, 0xf000, 1});
        return firmware;
    }
    static TestFirmware ovmf_x64() {
        TestFirmware firmware = ovmf({0, 0}, {0, 0});
        firmware.sections.push_back({0x810000, 0x10000, 1});
        firmware.metadata_from_end = 0x548;
        firmware.entries[3].second = {0x548};
        firmware.entries[4].second = {0x9c0};
        return firmware;
    }

    std::vector<std::byte> bytes() const {
        std::vector<std::byte> image(size);
        const auto put = [&image](std::size_t at, const auto& value) {
            std::memcpy(image.data() + at, &value, sizeof(value));
        };
        std::size_t at = size - abi::kFirmwareTableEnd - sizeof(abi::FirmwareTableEntry);
        const std::size_t footer = at;
        for (const auto& [guid, data] : entries) {
            const auto data_size = static_cast<std::uint16_t>(data.size() * 4);
            at -= sizeof(abi::FirmwareTableEntry);
            put(at, abi::FirmwareTableEntry{static_cast<std::uint16_t>(data_size + 18), guid});
            at -= data_size;
            if (data_size != 0) std::memcpy(image.data() + at, data.data(), data_size);
        }
        put(footer,
            abi::FirmwareTableEntry{static_cast<std::uint16_t>(footer + 18 - at), abi::kFirmwareTableGuid});
        if (sections.empty()) return image;
        abi::SevMetadata header = metadata;
        const auto count = static_cast<std::uint32_t>(sections.size());
        header.size += static_cast<std::uint32_t>(sizeof(header) + count * sizeof(abi::SevSection));
        header.count += count;
        at = size - metadata_from_end;
        put(at, header);
        std::memcpy(image.data() + at + sizeof(header), sections.data(), count * sizeof(abi::SevSection));
        return image;
    }

private:
    static TestFirmware ovmf(abi::FirmwareArea secret, abi::FirmwareArea hashes) {
        constexpr abi::Guid kTdxMetadata{
            0xe47a6535, 0x984a, 0x4798, {0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2}};
        TestFirmware firmware;
        firmware.entries = {{abi::kSevEsResetGuid, {0x80b004}},
                            {abi::kLaunchSecretGuid, {secret.base, secret.size}},
                            {abi::kKernelHashesGuid, {hashes.base, hashes.size}},
                            {abi::kSevMetadataGuid, {0x554}},
                            {kTdxMetadata, {0x9d0}}};
        firmware.sections = {{0x800000, 0x9000, 1},
                             {0x80a000, 0x3000, 1},
                             {0x80d000, 0x1000, 2},
                             {0x80e000, 0x1000, 3},
                             {0x80f000, 0x1000, 4}};
        return firmware;
    }
};

}  // namespace enclavisor::host
