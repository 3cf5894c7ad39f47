#include "sim/rmp.hpp"

#include <gtest/gtest.h>

namespace enclavisor::sim {
namespace {

constexpr std::uint64_t kMemory = 8 * kLargePage;
constexpr std::uint64_t kPrivateFault = kFaultPresent | kFaultRmp | kFaultEncrypted;

RmpEntry guest_page(std::uint64_t address, std::uint32_t asid = 1, bool large = false) {
    RmpEntry entry;
    entry.assigned = true;
    entry.asid = asid;
    entry.guest_address = address;
    entry.large = large;
    return entry;
}

Mapping at(std::uint64_t guest, std::uint64_t system, std::uint32_t level = 0, std::uint32_t asid = 1) {
    return {asid, level, guest, system, false};
}
Mapping large_at(std::uint64_t guest, std::uint64_t system) {
    return {1, 0, guest, system, true};
}

class RmpTest : public testing::Test {
protected:
    // A validated small page.
    void own(std::uint64_t guest, std::uint64_t system) {
        ASSERT_EQ(rmp.update(system, guest_page(guest)), HostOutcome::kDone);
        ASSERT_EQ(rmp.pvalidate(at(guest, system), false, true).end, GuestEnd::kDone);
    }
    Rmp rmp{kMemory};
};

TEST_F(RmpTest, AValidatedPageIsTheGuestsOnly) {
    own(0x5000, 0x1000);
    EXPECT_EQ(rmp.access(at(0x5000, 0x1000), Access::kWrite, true).end, GuestEnd::kDone);
    const GuestOutcome other = rmp.access(at(0x5000, 0x1000, 0, 2), Access::kRead, true);
    EXPECT_EQ(other.end, GuestEnd::kNestedPageFault);
    EXPECT_EQ(other.fault, kPrivateFault);
    EXPECT_EQ(rmp.access(at(0x6000, 0x1000), Access::kRead, true).end, GuestEnd::kNestedPageFault);
    EXPECT_EQ(rmp.access(at(0x5000, 0x1000), Access::kRead, false).end, GuestEnd::kDone);
    EXPECT_EQ(rmp.access(at(0x5000, 0x1000), Access::kWrite, false).fault,
              kFaultPresent | kFaultWrite | kFaultRmp);
}

TEST_F(RmpTest, AnUnvalidatedPageRaisesVc) {
    ASSERT_EQ(rmp.update(0x1000, guest_page(0x5000)), HostOutcome::kDone);
    EXPECT_EQ(rmp.access(at(0x5000, 0x1000), Access::kRead, true).end, GuestEnd::kVmmCommunication);
    EXPECT_EQ(rmp.adjust(at(0x5000, 0x1000), false, 1, kMayRead, false).end, GuestEnd::kVmmCommunication);
}

TEST_F(RmpTest, PvalidateTellsWhenNothingChanges) {
    own(0x5000, 0x1000);
    EXPECT_TRUE(rmp.pvalidate(at(0x5000, 0x1000), false, true).unchanged);
    EXPECT_FALSE(rmp.pvalidate(at(0x5000, 0x1000), false, false).unchanged);
    EXPECT_TRUE(rmp.pvalidate(at(0x5000, 0x1000), false, false).unchanged);
}

TEST_F(RmpTest, PvalidateIsForTheHighestLevelOnly) {
    ASSERT_EQ(rmp.update(0x1000, guest_page(0x5000)), HostOutcome::kDone);
    EXPECT_EQ(rmp.pvalidate(at(0x5000, 0x1000, 1), false, true).end, GuestEnd::kGeneralProtection);
    EXPECT_FALSE(rmp.lookup(0x1000).validated);
}

TEST_F(RmpTest, PvalidateOfWhatIsNotTheGuestsFaults) {
    EXPECT_EQ(rmp.pvalidate(at(0x5000, 0x1000), false, true).fault, kPrivateFault);
    ASSERT_EQ(rmp.update(0x1000, guest_page(0x5000, 2)), HostOutcome::kDone);
    EXPECT_EQ(rmp.pvalidate(at(0x5000, 0x1000), false, true).fault, kPrivateFault);
    ASSERT_EQ(rmp.update(0x2000, guest_page(0x7000)), HostOutcome::kDone);
    EXPECT_EQ(rmp.pvalidate(at(0x5000, 0x2000), false, true).fault, kPrivateFault);
}

TEST_F(RmpTest, PvalidateOfOtherSizes) {
    ASSERT_EQ(rmp.update(kLargePage, guest_page(0, 1, true)), HostOutcome::kDone);
    EXPECT_EQ(rmp.pvalidate(at(0, kLargePage), false, true).fault, kPrivateFault | kFaultSize);
    EXPECT_EQ(rmp.pvalidate(large_at(0x1000, kLargePage), true, true).code, GuestCode::kFailInput);
    EXPECT_EQ(rmp.pvalidate(at(0, kLargePage), true, true).code, GuestCode::kFailSizeMismatch);
    EXPECT_EQ(rmp.pvalidate(large_at(0, kLargePage), true, true).code, GuestCode::kSuccess);
    ASSERT_EQ(rmp.update(0, guest_page(kLargePage)), HostOutcome::kDone);
    EXPECT_EQ(rmp.pvalidate(at(kLargePage, 0), true, true).code, GuestCode::kFailSizeMismatch);
    EXPECT_EQ(rmp.pvalidate(large_at(kLargePage, 0), true, true).fault, kPrivateFault | kFaultSize);
    EXPECT_FALSE(rmp.lookup(0).validated);
}

TEST_F(RmpTest, AnUpdateTakesValidityAndRightsAway) {
    own(0x5000, 0x1000);
    ASSERT_EQ(rmp.adjust(at(0x5000, 0x1000), false, 1, kAllRights, false).code, GuestCode::kSuccess);
    ASSERT_EQ(rmp.update(0x1000, guest_page(0x5000)), HostOutcome::kDone);
    EXPECT_FALSE(rmp.lookup(0x1000).validated);
    EXPECT_EQ(rmp.lookup(0x1000).rights[1], 0);
}

TEST_F(RmpTest, TwoPagesAtOneGuestAddressAreForTheGuestToRefuse) {
    own(0x5000, 0x1000);
    ASSERT_EQ(rmp.update(0x2000, guest_page(0x5000)), HostOutcome::kDone);
    EXPECT_FALSE(rmp.pvalidate(at(0x5000, 0x2000), false, true).unchanged);
    EXPECT_TRUE(rmp.lookup(0x1000).validated);
}

TEST_F(RmpTest, UpdatesThatAreRefused) {
    EXPECT_EQ(rmp.update(0x1001, guest_page(0x5000)), HostOutcome::kFailInput);
    EXPECT_EQ(rmp.update(kMemory, guest_page(0x5000)), HostOutcome::kFailInput);
    EXPECT_EQ(rmp.update(~0ull / kPage * kPage, guest_page(0x5000)), HostOutcome::kFailInput);
    EXPECT_EQ(rmp.update(0x1000, guest_page(0x5001)), HostOutcome::kFailInput);
    EXPECT_EQ(rmp.update(0x1000, guest_page(0x5000, 0)), HostOutcome::kFailInput);
    EXPECT_EQ(rmp.update(0x1000, guest_page(0x5000, 1, true)), HostOutcome::kFailInput);
    ASSERT_EQ(rmp.update(0x1000, guest_page(0x5000)), HostOutcome::kDone);
    EXPECT_EQ(rmp.update(0, guest_page(0, 1, true)), HostOutcome::kFailOverlap);
    ASSERT_EQ(rmp.update(kLargePage, guest_page(0, 1, true)), HostOutcome::kDone);
    EXPECT_EQ(rmp.update(kLargePage + kPage, guest_page(0x5000)), HostOutcome::kFailOverlap);
    RmpEntry held = guest_page(0x9000);
    held.immutable = true;
    ASSERT_EQ(rmp.update(0x3000, held), HostOutcome::kDone);
    EXPECT_EQ(rmp.update(0x3000, RmpEntry{}), HostOutcome::kFailPermission);
    EXPECT_EQ(rmp.pvalidate(at(0x9000, 0x3000), false, true).fault, kPrivateFault);
    EXPECT_EQ(rmp.reclaim(0x1000).error(), Status::kInvalidPageState);
    ASSERT_TRUE(rmp.reclaim(0x3000));
    EXPECT_EQ(rmp.update(0x3000, RmpEntry{}), HostOutcome::kDone);
}

TEST_F(RmpTest, AdjustGivesNobodyMoreThanTheGiverHas) {
    own(0x5000, 0x1000);
    const Mapping first = at(0x5000, 0x1000), second = at(0x5000, 0x1000, 1);
    EXPECT_EQ(rmp.adjust(first, false, 0, kMayRead, false).code, GuestCode::kFailPermission);
    EXPECT_EQ(rmp.adjust(first, false, 4, kMayRead, false).code, GuestCode::kFailInput);
    EXPECT_EQ(rmp.adjust(first, false, 1, 16, false).code, GuestCode::kFailInput);
    ASSERT_EQ(rmp.adjust(first, false, 1, kMayRead, false).code, GuestCode::kSuccess);
    EXPECT_EQ(rmp.adjust(second, false, 1, kMayRead, false).code, GuestCode::kFailPermission);
    EXPECT_EQ(rmp.adjust(second, false, 2, kMayRead | kMayWrite, false).code, GuestCode::kFailPermission);
    EXPECT_EQ(rmp.adjust(second, false, 2, kMayRead, true).code, GuestCode::kFailPermission);
    EXPECT_EQ(rmp.adjust(second, false, 2, kMayRead, false).code, GuestCode::kSuccess);
    EXPECT_EQ(rmp.access(second, Access::kRead, true).end, GuestEnd::kDone);
    EXPECT_EQ(rmp.access(second, Access::kWrite, true).fault, kPrivateFault | kFaultWrite | kFaultLevel);
    EXPECT_EQ(rmp.access(second, Access::kExecuteUser, true).end, GuestEnd::kNestedPageFault);
    EXPECT_EQ(rmp.adjust(first, false, 1, kAllRights, true).code, GuestCode::kSuccess);
    EXPECT_TRUE(rmp.lookup(0x1000).vmsa);
}

TEST_F(RmpTest, SmashAndUnsmashAreOneAnothersInverse) {
    ASSERT_EQ(rmp.update(kLargePage, guest_page(2 * kLargePage, 1, true)), HostOutcome::kDone);
    ASSERT_EQ(rmp.pvalidate(large_at(2 * kLargePage, kLargePage), true, true).code, GuestCode::kSuccess);
    ASSERT_EQ(rmp.smash(kLargePage), HostOutcome::kDone);
    EXPECT_EQ(rmp.smash(kLargePage), HostOutcome::kFailInput);
    const RmpEntry last = rmp.lookup(2 * kLargePage - kPage);
    EXPECT_TRUE(last.validated);
    EXPECT_FALSE(last.large);
    EXPECT_EQ(last.guest_address, 3 * kLargePage - kPage);
    ASSERT_TRUE(rmp.unsmash(kLargePage));
    EXPECT_TRUE(rmp.lookup(2 * kLargePage - kPage).large);
    ASSERT_EQ(rmp.smash(kLargePage), HostOutcome::kDone);
    ASSERT_EQ(rmp.pvalidate(at(2 * kLargePage + kPage, kLargePage + kPage), false, false).end,
              GuestEnd::kDone);
    EXPECT_EQ(rmp.unsmash(kLargePage).error(), Status::kInvalidPageState);
}

}  // namespace
}  // namespace enclavisor::sim
