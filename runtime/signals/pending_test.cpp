#include "runtime/signals/pending.hpp"

#include <gtest/gtest.h>

namespace enclavisor::runtime {
namespace {

SignalInfo info(int number, std::uint64_t value = 0) {
    SignalInfo result{};
    result.number = number;
    result.sender.value = value;
    return result;
}

TEST(PendingSignals, OneOfEachOrdinaryKind) {
    PendingSignals pending;
    EXPECT_TRUE(pending.add(info(10, 1)));
    EXPECT_TRUE(pending.add(info(10, 2)));
    SignalInfo taken;
    EXPECT_TRUE(pending.take(~0ull, taken));
    EXPECT_EQ(taken.sender.value, 1u);
    EXPECT_FALSE(pending.take(~0ull, taken));
    EXPECT_EQ(pending.set(), 0u);
}

TEST(PendingSignals, ThoseOfTimersComeBesideOthers) {
    PendingSignals pending;
    SignalInfo timer = info(14, 2);
    timer.padding = kOfTimer;
    EXPECT_TRUE(pending.add(info(14, 1)));
    EXPECT_TRUE(pending.add(timer));
    EXPECT_TRUE(pending.add(info(14, 3)));
    timer.number = 50;
    EXPECT_TRUE(pending.add(timer));
    SignalInfo taken;
    EXPECT_TRUE(pending.take(signal_bit(14), taken));
    EXPECT_EQ(taken.sender.value, 1u);
    EXPECT_TRUE(pending.take(signal_bit(14), taken));
    EXPECT_EQ(taken.sender.value, 2u);
    EXPECT_TRUE(pending.add(info(14, 4)));
    pending.forget_timers();
    EXPECT_EQ(pending.set(), signal_bit(14));
    EXPECT_TRUE(pending.take(~0ull, taken));
    EXPECT_EQ(taken.sender.value, 4u);
}

TEST(PendingSignals, TimersHaveRoomWhenNobodyElseHas) {
    PendingSignals pending;
    while (pending.add(info(40))) continue;
    SignalInfo timer = info(41);
    timer.padding = kOfTimer;
    EXPECT_TRUE(pending.add(timer));
    EXPECT_EQ(pending.set(), signal_bit(40) | signal_bit(41));
}

TEST(PendingSignals, RealTimeOnesKeepTheirOrder) {
    PendingSignals pending;
    for (const std::uint64_t value : {1, 2, 3}) EXPECT_TRUE(pending.add(info(40, value)));
    EXPECT_TRUE(pending.add(info(35, 9)));
    SignalInfo taken;
    EXPECT_TRUE(pending.take(~0ull, taken));
    EXPECT_EQ(taken.number, 35);
    for (const std::uint64_t value : {1, 2, 3}) {
        EXPECT_TRUE(pending.take(signal_bit(40), taken));
        EXPECT_EQ(taken.sender.value, value);
    }
    EXPECT_EQ(pending.set(), 0u);
}

TEST(PendingSignals, OnlyWhatIsAllowedAndNotForgotten) {
    PendingSignals pending;
    for (const int number : {1, 5, 40, 40}) EXPECT_TRUE(pending.add(info(number)));
    SignalInfo taken;
    EXPECT_TRUE(pending.take(~signal_bit(1), taken));
    EXPECT_EQ(taken.number, 5);
    pending.forget(40);
    EXPECT_EQ(pending.set(), signal_bit(1));
}

TEST(PendingSignals, AreBounded) {
    PendingSignals pending;
    int count = 0;
    while (pending.add(info(50)) && count < 100'000) count++;
    EXPECT_LT(count, 100'000);
    EXPECT_TRUE(pending.set() & signal_bit(50));
}

}  // namespace
}  // namespace enclavisor::runtime
