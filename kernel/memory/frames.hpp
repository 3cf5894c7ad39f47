// Physical memory in frames of 4 KiB, with reference counts. Plain data
// structure: touches only its own records, never the frames, so that it runs
// unchanged in tests on the host.
//
// Records are initialised when a frame is first handed out, so that the cost
// of booting does not grow with memory.
#pragma once

#include <cstdint>
#include <optional>

#include "kernel/memory/address.hpp"
#include "kernel/panic.hpp"

namespace enclavisor::kernel {

class FrameAllocator {
public:
    struct Record {
        std::uint32_t references;
        std::uint32_t next_free;  // of a frame in use: its marks
    };
    struct Range {
        std::uint64_t begin;  // frame numbers
        std::uint64_t end;
    };
    static constexpr int kMaxRanges = 2;
    // Makes frames [begin, end) usable, with their records. Called once for each frame, before it is
    // handed out for the first time.
    using Accept = void (*)(std::uint64_t begin, std::uint64_t end);
    static constexpr std::uint64_t kAcceptedAtOnce = 512;

    // `records` has one element for each frame number below the last range's end
    // and may be uninitialised. Ranges ascend and do not overlap. Without `accept`, all is usable.
    void initialise(Record* records, const Range* ranges, int count, Accept accept = nullptr);

    // A frame with one reference and undefined contents.
    std::optional<PhysAddr> allocate();
    // One more reference. False: there are too many.
    [[nodiscard]] bool retain(PhysAddr frame) {
        Record& record = records_[index(frame)];
        check(record.references != 0, "frame: retain");
        // A count that wraps would free a frame in use.
        if (record.references == 0xffffffff) return false;
        record.references++;
        return true;
    }
    // True when that was the last reference. The frame is handed out again only
    // after reclaim(): a processor may still have translations to it.
    bool release(PhysAddr frame);
    // All released frames are free: whoever released some has flushed.
    void reclaim();
    // 32 bits for the user of a frame, 0 at first.
    std::uint32_t& marks(PhysAddr frame) { return records_[index(frame)].next_free; }
    std::uint32_t references(PhysAddr frame) const { return records_[index(frame)].references; }

    // Released ones count as free.
    std::uint64_t free_count() const { return free_count_; }
    std::uint64_t total_count() const { return total_count_; }

private:
    static constexpr std::uint32_t kEnd = 0xffffffff;
    static std::uint64_t index(PhysAddr frame) { return frame.value >> abi::kPageShift; }

    Record* records_ = nullptr;
    Range ranges_[kMaxRanges] = {};          // begin advances: what was never handed out
    std::uint64_t usable_[kMaxRanges] = {};  // of each range, up to here
    Accept accept_ = nullptr;
    std::uint32_t first_free_ = kEnd;
    std::uint32_t first_released_ = kEnd, last_released_ = kEnd;
    std::uint64_t free_count_ = 0;
    std::uint64_t total_count_ = 0;
};

}  // namespace enclavisor::kernel
