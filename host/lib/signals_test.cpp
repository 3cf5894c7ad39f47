#include "host/lib/signals.hpp"

#include <gtest/gtest.h>
#include <signal.h>

namespace enclavisor::host {
namespace {

TEST(Signals, HaveNamesAndNumbers) {
    for (const char* text : {"TERM", "SIGTERM", "term", "sigterm", "15"}) {
        const auto number = parse_signal(text);
        ASSERT_TRUE(number.ok()) << text;
        EXPECT_EQ(number.value(), SIGTERM) << text;
    }
    EXPECT_EQ(parse_signal("64").value(), 64);
    EXPECT_EQ(parse_signal("KILL").value(), SIGKILL);
    for (const char* text : {"", "SIG", "0", "-1", "65", "15x", "TERMINATE", "99999999999999999999"})
        EXPECT_FALSE(parse_signal(text).ok()) << text;
    EXPECT_EQ(signal_name(SIGINT), "SIGINT");
    EXPECT_EQ(signal_name(64), "signal 64");
}

TEST(Signals, WhatStandsForAFaultIsNotSent) {
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGWINCH, SIGUSR1, SIGCONT, SIGABRT, 34, 64})
        EXPECT_TRUE(check_signal(number).ok()) << number;
    for (const int number :
         {-1, 0, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, 65, 1000})
        EXPECT_FALSE(check_signal(number).ok()) << number;
}

}  // namespace
}  // namespace enclavisor::host
