#include "kernel/memory/frames.hpp"

#include <gtest/gtest.h>

#include <set>
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
