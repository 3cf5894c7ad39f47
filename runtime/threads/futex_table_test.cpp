#include "runtime/threads/futex_table.hpp"

#include <gtest/gtest.h>

#include <list>
#include <map>
#include <random>
#include <vector>

namespace enclavisor::runtime {
namespace {

class FutexTableTest : public testing::Test {
protected:
    std::vector<int> wake(std::uint64_t address, std::int64_t most, std::uint32_t bitset = ~0u) {
        std::vector<int> woken;
        const std::int64_t count = table_.wake({address}, most, bitset, [&](FutexWaiter& waiter) {
            woken.push_back(static_cast<int>(&waiter - waiters_));
        });
        EXPECT_EQ(count, static_cast<std::int64_t>(woken.size()));
        return woken;
    }
    void add(int waiter, std::uint64_t address, std::uint32_t bitset = ~0u) {
        table_.add(waiters_[waiter], {address}, bitset);
    }

    FutexTable table_;
    FutexWaiter waiters_[64];
};

using Woken = std::vector<int>;

TEST_F(FutexTableTest, WakesInOrderAndOnlyThatWord) {
    add(0, 0x1000);
    add(1, 0x1004);
    add(2, 0x1000);
    add(3, 0x1000);
    EXPECT_EQ(wake(0x1000, 2), (Woken{0, 2}));
    EXPECT_EQ(waiters_[0].key.address, 0u);
    EXPECT_EQ(wake(0x1000, 9), (Woken{3}));
    EXPECT_EQ(wake(0x1000, 9), Woken{});
    EXPECT_EQ(wake(0x1004, 1), (Woken{1}));
}

TEST_F(FutexTableTest, Bitsets) {
    add(0, 0x1000, 1);
    add(1, 0x1000, 6);
    add(2, 0x1000, 4);
    EXPECT_EQ(wake(0x1000, 9, 8), Woken{});
    EXPECT_EQ(wake(0x1000, 1, 4), (Woken{1}));
    EXPECT_EQ(wake(0x1000, 9), (Woken{0, 2}));
}

TEST_F(FutexTableTest, RequeuedOnesStandBehindThoseThere) {
    add(0, 0x1000);
    add(1, 0x1000);
    add(2, 0x2000);
    EXPECT_EQ(table_.requeue({0x1000}, {0x2000}, 1), 1);
    EXPECT_EQ(wake(0x2000, 9), (Woken{2, 0}));
    EXPECT_EQ(table_.requeue({0x1000}, {0x1000}, 9), 1);
    EXPECT_EQ(wake(0x1000, 9), (Woken{1}));
}

// Against lists, with few words so that buckets are shared.
TEST_F(FutexTableTest, ModelOfLists) {
    std::mt19937 random{1};
    std::map<std::uint64_t, std::list<int>> model;
    const auto word = [&] { return 0x1000 + random() % 4 * 0x10'0400; };
    for (int round = 0; round < 100'000; round++) {
        const int waiter = static_cast<int>(random() % 64);
        const std::uint64_t at = word(), other = word();
        const std::int64_t most = random() % 4;
        switch (random() % 4) {
            case 0:
            case 1:
                if (waiters_[waiter].key.address != 0) {
                    model[waiters_[waiter].key.address].remove(waiter);
                    table_.remove(waiters_[waiter]);
                } else {
                    model[at].push_back(waiter);
                    add(waiter, at);
                }
                break;
            case 2: {
                Woken expected;
                while (static_cast<std::int64_t>(expected.size()) < most && !model[at].empty()) {
                    expected.push_back(model[at].front());
                    model[at].pop_front();
                }
                ASSERT_EQ(wake(at, most), expected);
                break;
            }
            default: {
                if (at == other) break;
                std::int64_t moved = 0;
                for (; moved < most && !model[at].empty(); moved++) {
                    model[other].splice(model[other].end(), model[at], model[at].begin());
                }
                ASSERT_EQ(table_.requeue({at}, {other}, most), moved);
            }
        }
    }
}

}  // namespace
}  // namespace enclavisor::runtime
