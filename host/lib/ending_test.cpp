#include "host/lib/ending.hpp"

#include <gtest/gtest.h>

namespace enclavisor::host {
namespace {

abi::EnclaveStatus status(abi::EndReason reason, std::uint64_t code, std::uint64_t detail = 0) {
    abi::EnclaveStatus record{};
    record.reason = static_cast<std::uint32_t>(reason);
    record.code = code;
    record.detail = detail;
    record.address = 0x10;
    record.rip = 0x401000;
    return record;
}

TEST(Ending, OrdinaryExit) {
    EXPECT_EQ(describe_ending(status(abi::EndReason::kExited, 0)).exit_code, 0);
    EXPECT_EQ(describe_ending(status(abi::EndReason::kExited, 0x1ff)).exit_code, 255);
    EXPECT_EQ(describe_ending(status(abi::EndReason::kExited, 3)).text, "");
}

TEST(Ending, FaultsAsSignals) {
    const struct {
        std::uint64_t vector;
        int signal;
    } cases[] = {{0, 8}, {1, 5}, {3, 5}, {6, 4}, {13, 11}, {14, 11}, {16, 8}, {17, 7}, {19, 8}};
    for (const auto& c : cases) {
        EXPECT_EQ(describe_ending(status(abi::EndReason::kFault, c.vector)).exit_code, 128 + c.signal)
            << c.vector;
    }
    EXPECT_EQ(describe_ending(status(abi::EndReason::kFault, 14, 2)).text,
              "ended by a page fault (#PF) writing address 0x10 at instruction 0x401000");
}

TEST(Ending, Others) {
    EXPECT_EQ(describe_ending(status(abi::EndReason::kSignal, 15)).exit_code, 143);
    EXPECT_EQ(describe_ending(status(abi::EndReason::kMemoryLimit, 0)).exit_code, 125);
    for (std::uint32_t reason = 0; reason < 1000; reason++) {
        const auto ending = describe_ending(status(static_cast<abi::EndReason>(reason), ~0ull, ~0ull));
        EXPECT_GE(ending.exit_code, 0);
        EXPECT_LE(ending.exit_code, 255);
    }
}

}  // namespace
}  // namespace enclavisor::host
