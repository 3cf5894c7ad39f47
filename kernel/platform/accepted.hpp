// Which of an SEV-SNP guest's memory is validated. A page is validated once in the life of the VM: a
// hypervisor that exchanges a page then has nothing to put in its place that the guest would use
// (AMD 56421, 2.5.2 and APM2 15.36: the remapping attack).
#pragma once

#include <cstdint>

#include "kernel/platform/ghcb.hpp"

namespace enclavisor::kernel {

struct PvalidateResult {
    std::uint32_t code;  // EAX: 0, 1 invalid input, 6 size mismatch
    bool unchanged;      // CF
};

class AcceptedMemory {
public:
    using Pvalidate = PvalidateResult (*)(PhysAddr page, bool large, bool validate);

    constexpr explicit AcceptedMemory(Pvalidate pvalidate) : pvalidate_{pvalidate} {}

    // Frame numbers [begin, end) that the secure processor validated at launch.
    GhcbRefusal note_launched(std::uint64_t begin, std::uint64_t end) { return add(begin, end); }
    // Has the hypervisor make them private, and validates them. Their contents are undefined.
    // After a refusal part of the range may be validated: the VM must not go on.
    GhcbRefusal accept(GhcbChannel& channel, std::uint64_t begin, std::uint64_t end);

    bool accepted(std::uint64_t frame) const;

private:
    struct Range {
        std::uint64_t begin, end;
    };
    static constexpr int kMostRanges = 16;
    static constexpr std::uint64_t kLargeFrames = 512;

    GhcbRefusal add(std::uint64_t begin, std::uint64_t end);
    GhcbRefusal validate(std::uint64_t frame, bool large);

    Pvalidate pvalidate_;
    Range ranges_[kMostRanges]{};  // ascending, neither touching nor overlapping
    int count_ = 0;
};

}  // namespace enclavisor::kernel
