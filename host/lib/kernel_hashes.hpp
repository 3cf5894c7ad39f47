// What QEMU measures of -kernel, -initrd and -append with kernel-hashes=on: a table of their
// digests, in the firmware's area for it. Our own ROM has none.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace enclavisor::host {

struct KernelHashes {
    // Absent parts are empty.
    static KernelHashes of(std::span<const std::byte> kernel, std::span<const std::byte> initrd,
                           std::string_view command_line);

    static constexpr std::size_t kTableSize = 176;
    std::array<std::byte, kTableSize> table() const;

    using Digest = std::array<std::byte, 32>;
    Digest kernel, initrd, command_line;
};

}  // namespace enclavisor::host
