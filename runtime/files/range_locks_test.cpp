#include "runtime/files/range_locks.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace enclavisor::runtime {
namespace {

TEST(RangeLocks, AgainstBytes) {
    constexpr int kBytes = 40, kOwners = 3;
    std::mt19937 random{7};
    RangeLocks locks;
    std::array<std::array<LockKind, kBytes>, kOwners> model{};
    const int owners[kOwners] = {};
    for (int round = 0; round < 20'000; round++) {
        const int owner = static_cast<int>(random() % kOwners);
        std::uint64_t begin = random() % kBytes, end = random() % kBytes;
        if (begin > end) std::swap(begin, end);
        end++;
        if (end > kBytes) continue;
        const auto kind = static_cast<LockKind>(random() % 3);
        bool blocked = false;
        for (int other = 0; other < kOwners; other++) {
            for (std::uint64_t at = begin; other != owner && at < end; at++) {
                const LockKind held = model[other][at];
                if (kind == LockKind::kNone || held == LockKind::kNone) continue;
                blocked |= kind == LockKind::kExclusive || held == LockKind::kExclusive;
            }
        }
        if (kind != LockKind::kNone) {
            ASSERT_EQ(locks.conflict(&owners[owner], begin, end, kind) != nullptr, blocked);
            if (blocked) continue;
        }
        locks.set(&owners[owner], begin, end, kind);
        for (std::uint64_t at = begin; at < end; at++) model[owner][at] = kind;
        std::uint64_t next = 0;
        locks.for_each_piece(0, kBytes, [&](std::uint64_t from, std::uint64_t to, LockKind strongest) {
            ASSERT_EQ(from, next);
            for (; next < to; next++) {
                LockKind expected = LockKind::kNone;
                for (const auto& each : model) expected = std::max(expected, each[next]);
                ASSERT_EQ(strongest, expected) << "byte " << next;
            }
        });
        ASSERT_EQ(next, kBytes);
    }
}

TEST(RangeLocks, KnowsItsOwners) {
    RangeLocks locks;
    const int owner = 0, other = 0;
    locks.set(&owner, 5, kEndOfFile, LockKind::kShared);
    EXPECT_TRUE(locks.has(&owner));
    EXPECT_FALSE(locks.has(&other));
    EXPECT_EQ(locks.conflict(&other, 0, 5, LockKind::kExclusive), nullptr);
    EXPECT_EQ(locks.conflict(&other, 0, 6, LockKind::kShared), nullptr);
    ASSERT_NE(locks.conflict(&other, 0, 6, LockKind::kExclusive), nullptr);
    locks.set(&owner, 0, kEndOfFile, LockKind::kNone);
    EXPECT_TRUE(locks.empty());
}

}  // namespace
}  // namespace enclavisor::runtime
