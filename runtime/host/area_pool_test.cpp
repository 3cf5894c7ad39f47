#include "runtime/host/area_pool.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <vector>

namespace enclavisor::runtime {
namespace {

// Notes what is asked of the world; answers a call when it is waited for.
class Host final : public IoWaiter {
public:
    void ring() override { rings++; }
    void wait(std::uint32_t seen, std::uint64_t offset) override {
        waited_at = offset;
        if (waits_before_answer-- > 0) return;
        auto* header = reinterpret_cast<abi::IoHeader*>(window + offset - offsetof(abi::IoHeader, completed));
        header->completions[seen % abi::kIoDepth] = {header->entries[seen % abi::kIoDepth].id, 0, answer, {}};
        header->completed = seen + 1;
    }
    bool interrupted() override { return wants_to_stop; }
    [[noreturn]] void broken(int rule) override { throw rule; }

    std::byte* window = nullptr;
    int rings = 0, waits_before_answer = 0;
    std::uint64_t waited_at = 0;
    std::int64_t answer = 7;
    bool wants_to_stop = false;
};

class AreaPoolTest : public testing::Test {
protected:
    static constexpr std::uint64_t kAreas = 64;
    static constexpr std::uint64_t kSize = abi::io_window_pages(kAreas) * abi::kPageSize;
    AreaPoolTest() { host_.window = window_.data(); }
    abi::IoHeader& header(std::uint64_t area) {
        return *reinterpret_cast<abi::IoHeader*>(window_.data() + abi::io_area_offset(area));
    }
    std::int64_t call(IoChannel& channel, bool interruptible = true) {
        abi::SubmissionEntry entry{};
        return channel.call(entry, 6, {.interruptible = interruptible, .alone = false});
    }

    std::vector<std::byte> window_{kSize};
    Host host_;
    IoCounts counts_{};
    AreaPool pool_{window_.data(), kSize, host_, counts_};
};

TEST_F(AreaPoolTest, AreasAreDisjointAndTheLargestComesFirst) {
    EXPECT_TRUE(pool_.quiet());
    std::set<std::uint64_t> seen;
    std::vector<IoChannel*> taken;
    std::byte* end = window_.data();
    while (!pool_.empty()) {
        taken.push_back(&pool_.take());
        IoChannel& channel = *taken.back();
        EXPECT_EQ(channel.index(), seen.size());
        EXPECT_TRUE(seen.insert(channel.index()).second);
        EXPECT_EQ(channel.data(), end + abi::kIoDataOffset);
        end = channel.data() + channel.data_size();
        EXPECT_EQ(pool_.only_first_taken(), seen.size() == 1);
    }
    EXPECT_EQ(seen.size(), kAreas);
    EXPECT_EQ(end, window_.data() + kSize);
    EXPECT_EQ(pool_.most_bytes(), kMaxFurtherTransfer);
    pool_.give_back(*taken[5]);
    EXPECT_TRUE(pool_.only_one_left());
    pool_.give_back(*taken[0]);
    EXPECT_FALSE(pool_.only_one_left());
    EXPECT_EQ(pool_.most_bytes(), kMaxTransfer);
    EXPECT_EQ(&pool_.take(), taken[0]);
}

TEST_F(AreaPoolTest, OneAreaIsNeverQuiet) {
    AreaPool pool{window_.data(), abi::io_window_pages(1) * abi::kPageSize, host_, counts_};
    EXPECT_FALSE(pool.quiet());
    EXPECT_TRUE(pool.only_one_left());
    pool.take();
    EXPECT_TRUE(pool.empty());
}

TEST_F(AreaPoolTest, FirstUseAsksForAttention) {
    pool_.take();
    IoChannel& second = pool_.take();
    EXPECT_EQ(call(second), 7);
    EXPECT_EQ(host_.rings, 1);
    EXPECT_EQ(header(0).attention, 2u);
    EXPECT_EQ(host_.waited_at, abi::io_area_offset(1) + 64);
    EXPECT_EQ(call(second), 7);
    EXPECT_EQ(host_.rings, 1);
    header(1).host_waits = 1;
    header(0).attention = 0;
    EXPECT_EQ(call(second), 7);
    EXPECT_EQ(host_.rings, 2);
    EXPECT_EQ(header(0).attention, 2u);
}

TEST_F(AreaPoolTest, AnInterruptedCallIsCutShortOnceAndStillAwaited) {
    IoChannel& channel = pool_.take();
    host_.wants_to_stop = true;
    host_.waits_before_answer = 3;
    host_.answer = -EINTR;
    EXPECT_EQ(call(channel), -EINTR);
    EXPECT_TRUE(channel.was_cut_short());
    EXPECT_EQ(host_.rings, 1);
    EXPECT_EQ(header(0).cancel, 1u);
    EXPECT_EQ(header(0).attention, 1u);
    EXPECT_EQ(call(channel, false), -EINTR);
    EXPECT_FALSE(channel.was_cut_short());
    EXPECT_EQ(host_.rings, 1);
}

}  // namespace
}  // namespace enclavisor::runtime
