#include "kernel/memory/frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace enclavisor::kernel {
namespace {

class FramesTest : public ::testing::Test {
protected:
    FramesTest() {
        const FrameAllocator::Range ranges[] = {{4, 8}, {100, 102}};
        frames.initialise(records.data(), ranges, 2);
    }
    std::vector<FrameAllocator::Record> records = std::vector<FrameAllocator::Record>(102);
    FrameAllocator frames;
};

// Each frame once, in order, at most kAcceptedAtOnce at a time and never across their multiples; no
// more than what is needed.
TEST(Frames, AreAcceptedBeforeTheyAreHandedOut) {
    static std::vector<std::pair<std::uint64_t, std::uint64_t>> accepted;
    accepted.clear();
    std::vector<FrameAllocator::Record> records(3000);
    const FrameAllocator::Range ranges[] = {{500, 1100}, {2048, 3000}};
    FrameAllocator frames;
    frames.initialise(records.data(), ranges, 2,
                      [](std::uint64_t begin, std::uint64_t end) { accepted.emplace_back(begin, end); });
    EXPECT_TRUE(accepted.empty());
    const auto usable = [](std::uint64_t frame) {
        return std::any_of(accepted.begin(), accepted.end(),
                           [&](const auto& range) { return frame >= range.first && frame < range.second; });
    };
    std::vector<PhysAddr> taken;
    while (const auto frame = frames.allocate()) {
        EXPECT_TRUE(usable(frame->value / 4096));
        taken.push_back(*frame);
        if (taken.size() == 13) {
            EXPECT_EQ(accepted.size(), 2u);
        }
    }
    using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
    EXPECT_EQ(accepted, (Ranges{{500, 512}, {512, 1024}, {1024, 1100}, {2048, 2560}, {2560, 3000}}));
    // What comes back is not accepted again.
    for (const PhysAddr frame : taken) EXPECT_TRUE(frames.release(frame));
    frames.reclaim();
    while (frames.allocate()) continue;
    EXPECT_EQ(accepted.size(), 5u);
}

TEST_F(FramesTest, HandsOutEachFrameOfBothRangesOnce) {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 6; i++) {
        const auto frame = frames.allocate();
        ASSERT_TRUE(frame);
        EXPECT_TRUE(seen.insert(frame->value / 4096).second);
    }
    EXPECT_FALSE(frames.allocate());
    EXPECT_EQ(seen, (std::set<std::uint64_t>{4, 5, 6, 7, 100, 101}));
    EXPECT_EQ(frames.free_count(), 0u);
}

TEST_F(FramesTest, AFrameIsFreeAfterItsLastReference) {
    const PhysAddr frame = *frames.allocate();
    ASSERT_TRUE(frames.retain(frame));
    EXPECT_FALSE(frames.release(frame));
    EXPECT_EQ(frames.free_count(), 5u);
    EXPECT_TRUE(frames.release(frame));
    EXPECT_EQ(frames.free_count(), 6u);
    for (int i = 0; i < 5; i++) EXPECT_NE(*frames.allocate(), frame) << "it is not reclaimed yet";
    EXPECT_FALSE(frames.allocate());
    frames.reclaim();
    EXPECT_EQ(*frames.allocate(), frame);
}

TEST_F(FramesTest, ReleasingAFreeFrameIsABugOfTheKernel) {
    const PhysAddr frame = *frames.allocate();
    frames.release(frame);
    EXPECT_DEATH(frames.release(frame), "released twice");
}

}  // namespace
}  // namespace enclavisor::kernel
