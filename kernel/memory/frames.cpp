#include "kernel/memory/frames.hpp"

#include "kernel/panic.hpp"

namespace enclavisor::kernel {

void FrameAllocator::initialise(Record* records, const Range* ranges, int count, Accept accept) {
    records_ = records;
    accept_ = accept;
    for (int i = 0; i < count && i < kMaxRanges; i++) {
        ranges_[i] = ranges[i];
        usable_[i] = accept == nullptr ? ranges[i].end : ranges[i].begin;
        total_count_ += ranges[i].end - ranges[i].begin;
    }
    free_count_ = total_count_;
}

std::optional<PhysAddr> FrameAllocator::allocate() {
    std::uint64_t frame;
    if (first_free_ != kEnd) {
        frame = first_free_;
        first_free_ = records_[frame].next_free;
    } else {
        Range* range = ranges_;
        while (range != ranges_ + kMaxRanges && range->begin == range->end) range++;
        if (range == ranges_ + kMaxRanges) return std::nullopt;
        frame = range->begin++;
        if (std::uint64_t& usable = usable_[range - ranges_]; frame == usable) [[unlikely]] {
            const std::uint64_t next = (frame / kAcceptedAtOnce + 1) * kAcceptedAtOnce;
            usable = next < range->end ? next : range->end;
            accept_(frame, usable);
        }
    }
    records_[frame] = {.references = 1, .next_free = 0};
    free_count_--;
    return PhysAddr{frame << abi::kPageShift};
}

bool FrameAllocator::release(PhysAddr frame) {
    Record& record = records_[index(frame)];
    check(record.references != 0, "frame: released twice");
    if (--record.references != 0) return false;
    record.next_free = first_released_;
    if (first_released_ == kEnd) last_released_ = static_cast<std::uint32_t>(index(frame));
    first_released_ = static_cast<std::uint32_t>(index(frame));
    free_count_++;
    return true;
}

void FrameAllocator::reclaim() {
    if (first_released_ == kEnd) return;
    records_[last_released_].next_free = first_free_;
    first_free_ = first_released_;
    first_released_ = last_released_ = kEnd;
}

}  // namespace enclavisor::kernel
