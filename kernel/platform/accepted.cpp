#include "kernel/platform/accepted.hpp"

namespace enclavisor::kernel {
namespace {

using R = GhcbRefusal;
constexpr std::uint32_t kSizeMismatch = 6;

PhysAddr frame_address(std::uint64_t frame) {
    return PhysAddr{frame << abi::kPageShift};
}

}  // namespace

bool AcceptedMemory::accepted(std::uint64_t frame) const {
    for (int i = 0; i < count_; i++) {
        if (frame >= ranges_[i].begin && frame < ranges_[i].end) return true;
    }
    return false;
}

GhcbRefusal AcceptedMemory::add(std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return R::kNone;
    int at = 0;
    while (at < count_ && ranges_[at].end <= begin) at++;
    if (at < count_ && ranges_[at].begin < end) return R::kValidatedTwice;
    const bool joins_before = at > 0 && ranges_[at - 1].end == begin;
    const bool joins_after = at < count_ && ranges_[at].begin == end;
    if (joins_before && joins_after) {
        ranges_[at - 1].end = ranges_[at].end;
        for (int i = at; i + 1 < count_; i++) ranges_[i] = ranges_[i + 1];
        count_--;
    } else if (joins_before) {
        ranges_[at - 1].end = end;
    } else if (joins_after) {
        ranges_[at].begin = begin;
    } else {
        if (count_ == kMostRanges) return R::kTooManyRanges;
        for (int i = count_; i > at; i--) ranges_[i] = ranges_[i - 1];
        ranges_[at] = {begin, end};
        count_++;
    }
    return R::kNone;
}

GhcbRefusal AcceptedMemory::validate(std::uint64_t frame, bool large) {
    const PvalidateResult result = pvalidate_(frame_address(frame), large, true);
    if (result.code == kSizeMismatch && large) {
        // The hypervisor backs it with small pages, as it may.
        for (std::uint64_t i = 0; i < kLargeFrames; i++) {
            const R refusal = validate(frame + i, false);
            if (refusal != R::kNone) return refusal;
        }
        return R::kNone;
    }
    if (result.code != 0) return R::kPvalidate;
    return result.unchanged ? R::kNotChanged : R::kNone;
}

GhcbRefusal AcceptedMemory::accept(GhcbChannel& channel, std::uint64_t begin, std::uint64_t end) {
    // First the record: what fails half-way is never tried again.
    const R twice = add(begin, end);
    if (twice != R::kNone) return twice;
    const auto is_large = [&](std::uint64_t frame) {
        return frame % kLargeFrames == 0 && end - frame >= kLargeFrames;
    };
    for (std::uint64_t frame = begin; frame < end;) {
        std::uint64_t entries[abi::kMostPageStates];
        unsigned count = 0;
        std::uint64_t next = frame;
        while (next < end && count < abi::kMostPageStates) {
            const bool large = is_large(next);
            entries[count++] = frame_address(next).value | abi::kPagePrivate | (large ? abi::kPageLarge : 0);
            next += large ? kLargeFrames : 1;
        }
        R refusal = channel.change_pages({entries, count});
        if (refusal != R::kNone) return refusal;
        while (frame < next) {
            const bool large = is_large(frame);
            refusal = validate(frame, large);
            if (refusal != R::kNone) return refusal;
            frame += large ? kLargeFrames : 1;
        }
    }
    return R::kNone;
}

}  // namespace enclavisor::kernel
