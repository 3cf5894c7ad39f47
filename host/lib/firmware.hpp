// A firmware image and what its end says of it (abi/platform/firmware_table.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abi/platform/firmware_table.hpp"
#include "host/lib/error.hpp"

namespace enclavisor::host {

struct FirmwareSection {
    abi::SevSectionKind kind;
    std::uint64_t base, size;  // whole pages
};

struct Firmware {
    std::string name;                  // for messages
    std::span<const std::byte> bytes;  // whole pages; the last ends at 4 GiB
    std::uint32_t reset_address = 0;   // of the vCPUs but the first; 0: it does not say
    std::optional<abi::FirmwareArea> kernel_hashes, launch_secret;
    std::vector<FirmwareSection> sections;  // in the image's order; disjoint, outside it
    bool has_metadata = false;              // which may have no sections

    std::uint64_t base() const { return (1ull << 32) - bytes.size(); }
};

inline constexpr std::size_t kMaxFirmwareSize = 64 << 20;
inline constexpr std::size_t kMaxFirmwareSections = 256;

// The image may be anything. One without a table, or without metadata, is a firmware too.
// `bytes` must outlive what is returned.
Result<Firmware> parse_firmware(std::span<const std::byte> bytes, const std::string& name);

// Errors if it does not say: SEV-ES and SEV-SNP do not start without the first, kernel-hashes=on
// not without the second.
Result<std::uint32_t> reset_address(const Firmware& firmware);
Result<abi::FirmwareArea> kernel_hashes_area(const Firmware& firmware);

}  // namespace enclavisor::host
