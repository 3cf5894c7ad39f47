#include "runtime/timers/schedule.hpp"

#include <gtest/gtest.h>

namespace enclavisor::runtime {
namespace {

TEST(Schedule, IsOffUntilItIsSet) {
    Schedule schedule;
    EXPECT_EQ(schedule.left(5), 0u);
    EXPECT_EQ(schedule.pass(1000), 0u);
    schedule.set(0, 10);
    EXPECT_EQ(schedule.left(5), 0u);
    EXPECT_EQ(schedule.pass(1000), 0u);
}

TEST(Schedule, Once) {
    Schedule schedule;
    schedule.set(100, 0);
    EXPECT_EQ(schedule.left(40), 60u);
    EXPECT_EQ(schedule.pass(99), 0u);
    EXPECT_EQ(schedule.left(100), 1u);
    EXPECT_EQ(schedule.pass(100), 1u);
    EXPECT_EQ(schedule.left(100), 0u);
    EXPECT_EQ(schedule.pass(~0ull), 0u);
}

TEST(Schedule, AgainAndAgain) {
    Schedule schedule;
    schedule.set(100, 30);
    EXPECT_EQ(schedule.left(100), 30u);
    EXPECT_EQ(schedule.left(129), 1u);
    EXPECT_EQ(schedule.left(131), 29u);
    EXPECT_EQ(schedule.pass(100), 1u);
    EXPECT_EQ(schedule.next(), 130u);
    EXPECT_EQ(schedule.pass(190), 3u);
    EXPECT_EQ(schedule.next(), 220u);
    EXPECT_EQ(schedule.pass(219), 0u);
    schedule.advance();
    EXPECT_EQ(schedule.next(), 250u);
}

TEST(Schedule, WhatIsTooLateToCountNeverComes) {
    Schedule schedule;
    schedule.set(~0ull - 5, 10);
    EXPECT_EQ(schedule.pass(~0ull), 1u);
    EXPECT_EQ(schedule.next(), 0u);
}

}  // namespace
}  // namespace enclavisor::runtime
