// What the kernel believes of a #VC, and that it believes nothing else.
#include "kernel/platform/vc.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace enclavisor::kernel {
namespace {

using Code = std::vector<std::uint8_t>;

TEST(Vc, CpuidIsAnsweredWhereCpuidStands) {
    EXPECT_EQ(judge_vc(0x72, Code{0x0f, 0xa2, 0x90}), VcAnswer::kCpuid);
    EXPECT_EQ(judge_vc(0x72, Code{0x0f, 0xa2}), VcAnswer::kCpuid);
}

TEST(Vc, WhatEnclavesDoNotHaveIsUndefined) {
    EXPECT_EQ(judge_vc(0x81, Code{0x0f, 0x01, 0xd9}), VcAnswer::kUndefined);
    EXPECT_EQ(judge_vc(0x6e, Code{0x0f, 0x31}), VcAnswer::kUndefined);
    EXPECT_EQ(judge_vc(0x87, Code{0x0f, 0x01, 0xf9}), VcAnswer::kUndefined);
    EXPECT_EQ(judge_vc(0x8e, Code{0x0f, 0x01, 0xfd}), VcAnswer::kUndefined);
}

// Which only the processor's state can prove (explained_test.cpp).
TEST(Vc, InterceptedExceptionsAreClaims) {
    for (std::uint64_t vector = 0; vector < 32; vector++) {
        const bool intercepted = vector == 1 || vector == 17;
        EXPECT_EQ(judge_vc(0x40 + vector, Code{0x0f, 0xa2}),
                  intercepted ? VcAnswer::kException : VcAnswer::kRefused);
    }
}

// Every exit code over every beginning of an instruction: an answer only for the pairs that belong together.
TEST(Vc, NothingIsBelievedThatTheInstructionDoesNotSay) {
    int believed = 0;
    for (std::uint64_t exit = 0; exit < 0x100; exit++) {
        for (int first = 0; first < 256; first++) {
            for (int second = 0; second < 256; second++) {
                const std::uint8_t code[]{static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(second),
                                          0x90};
                const VcAnswer answer = judge_vc(exit, code);
                if (answer == VcAnswer::kRefused || answer == VcAnswer::kException) continue;
                believed++;
                EXPECT_EQ(first, 0x0f);
                EXPECT_TRUE((exit == 0x72 && second == 0xa2) || (exit == 0x6e && second == 0x31) ||
                            (exit == 0x6f && second == 0x33))
                    << exit;
            }
        }
    }
    EXPECT_EQ(believed, 3);
}

TEST(Vc, CodeThatEndsTooEarlyIsNone) {
    EXPECT_EQ(judge_vc(0x72, Code{0x0f}), VcAnswer::kRefused);
    EXPECT_EQ(judge_vc(0x81, Code{0x0f, 0x01}), VcAnswer::kRefused);
    EXPECT_EQ(judge_vc(0x72, Code{}), VcAnswer::kRefused);
}

// As WeSee has it (an exit for MMIO, a port, an MSR while something else runs).
TEST(Vc, WhatTheKernelAsksForItselfIsNobodysException) {
    for (const std::uint64_t exit : {0x400u, 0x7bu, 0x7cu, 0x8000'0001u, 0x8000'0010u})
        EXPECT_EQ(judge_vc(exit, Code{0x8b, 0x07, 0xc3}), VcAnswer::kRefused);
}

}  // namespace
}  // namespace enclavisor::kernel
