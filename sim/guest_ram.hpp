// A simulated guest's memory as its hypervisor sees it: what is shared, and (which no hypervisor of
// hardware sees) what is private.
#pragma once

#include <optional>

#include "host/lib/mapping.hpp"
#include "sim/rmp.hpp"

namespace enclavisor::sim {

class GuestRam {
public:
    // The files that back them: QEMU's RAM, in its order, and private memory, by guest-physical address
    // without the C-bit.
    static host::Result<GuestRam> map(std::uint64_t memory_mib, int shared, int private_memory);

    // Absent: not all of it is RAM in one piece. What stands there is the guest's to change at any time.
    std::optional<std::span<std::byte>> shared(std::uint64_t address, std::uint64_t size);
    std::optional<std::span<std::byte>> private_at(std::uint64_t address, std::uint64_t size);

    std::uint64_t mib() const { return mib_; }

private:
    GuestRam(std::uint64_t mib, host::Mapping shared, host::Mapping private_memory)
        : mib_{mib}, shared_{std::move(shared)}, private_{std::move(private_memory)} {}

    std::uint64_t mib_;
    host::Mapping shared_, private_;
};

}  // namespace enclavisor::sim
