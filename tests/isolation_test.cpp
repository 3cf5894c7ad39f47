// Hostile ring-3 programs: each ends alone, for a reason that the host sees,
// while the victim beside it goes on and the VM lives.
#include <random>
#include <tuple>

#include "abi/enclave/calls.hpp"
#include "abi/evidence/measurement.hpp"
#include "tests/support/hostile_ground.hpp"

namespace enclavisor::tests {
namespace {

class FinishGrounds : public testing::Environment {
    void TearDown() override { HostileGround::finish(); }
};
const auto* const kFinish = testing::AddGlobalTestEnvironment(new FinishGrounds);

class Hostile : public testing::TestWithParam<std::tuple<host::Platform, const HostileCase*>> {};

TEST_P(Hostile, EndsAlone) {
    const auto [platform, hostile_case] = GetParam();
    auto* ground = HostileGround::on(platform);
    ASSERT_NE(ground, nullptr);
    const auto image = ground->hostile();
    ground->run(image, image.symbol(std::string{"case_"} + hostile_case->name), hostile_case->expected);
    ground->expect_unharmed();
}

std::vector<const HostileCase*> all_cases() {
    std::vector<const HostileCase*> cases;
    for (const auto& hostile_case : kHostileCases) cases.push_back(&hostile_case);
    return cases;
}
INSTANTIATE_TEST_SUITE_P(On, Hostile, testing::Combine(kTestPlatforms, testing::ValuesIn(all_cases())),
                         [](const auto& p) {
                             return platform_test_name(std::get<0>(p.param)) + "_" +
                                    std::get<1>(p.param)->name;
                         });

class Isolation : public testing::TestWithParam<host::Platform> {
protected:
    void SetUp() override {
        ground_ = HostileGround::on(GetParam());
        ASSERT_NE(ground_, nullptr);
    }
    NativeImage with_parameters(const std::vector<std::uint64_t>& values) const {
        auto image = ground_->hostile();
        image.patch(image.symbol("parameters"), values.data(), values.size() * sizeof values[0]);
        return image;
    }
    HostileGround* ground_ = nullptr;
};
ENCLAVISOR_ON_ALL_PLATFORMS(Isolation);

TEST_P(Isolation, NoSoftwareInterruptPasses) {
    const auto image = ground_->hostile();
    const std::uint64_t table = image.symbol("case_int_table");
    for (std::uint64_t n = 0; n < 256; n++) {
        SCOPED_TRACE("int " + std::to_string(n));
        // 3 and 4 may have gates for ring 3; they say so with their own vector.
        ground_->run(image, table + 16 * n, n == 3 ? fault({3, 13}) : n == 4 ? fault({4, 13}) : fault({13}));
        if (HasFailure()) break;
    }
    ground_->expect_unharmed();
}

// Addresses that no enclave may touch in any way.
std::vector<std::uint64_t> forbidden_addresses(const NativeImage& victim) {
    std::vector<std::uint64_t> addresses = {
        0xffff'ffff'8020'0000,  // kernel image: text, and what may follow
        0xffff'ffff'8020'8000,
        0xffff'ffff'8021'0000,
        0xffff'9000'0000'0000,  // the link as the kernel sees it
        0xffff'ffff'8000'0000,
        0xffff'ffff'8000'1000,
        0xffff'ffff'8010'0000,
        0xffff'8000'0000'0000,  // direct map
        0xffff'8000'0010'0000,
        0xffff'8000'0fff'f000,
        0xffff'8080'0000'0000,  // direct map of the private alias
        0xffff'8000'e000'0000,  // direct map of the link
        0xffff'8000'fee0'0000,  // ... of the local APIC
        0xffff'fe80'0000'0000,  // recursive page tables, usual slots
        0xffff'ff7f'bfdf'e000,
        0xffff'ffff'ffff'f000,
        0xffff'ffff'fffe'0000,
        0xffff'f6fb'7dbe'd000,
        0xffff'ff80'0000'0000,
        0xffff'ff00'0000'0000,
        0xffff'c000'0000'0000,
        0xffff'a000'0000'0000,
        0xffff'e000'0000'0000,
        abi::kLinkPhys,  // guest-physical addresses taken for virtual ones
        abi::kDoorbellRegistersPhys,
        0xfee0'0000,
        0x8000,
        0x1000,
        0xf'f000,
        abi::kEnclaveEnd,
        abi::kEnclaveEnd - 8,
        abi::kEnclaveEnd + 0xfff8,
        abi::kAttestWindow,  // the attestation enclave's
        abi::kRuntimeBase,
        abi::kConfigBase,
        victim.symbol("stack_top") + 0x100000,
    };
    // What the victim has and the hostile program has not.
    for (const auto& segment : victim.segments()) {
        const std::uint64_t last = (segment.p_vaddr + segment.p_memsz - 1) / 4096 * 4096;
        if (last > 0x40a000 && last < 0x47f000) addresses.push_back(last);
    }
    std::mt19937_64 random{1};
    for (int i = 0; i < 40; i++) addresses.push_back(0xffff'8000'0000'0000 | (random() & 0x7fff'ffff'f000));
    return addresses;
}

TEST_P(Isolation, ForbiddenMemoryIsOutOfReach) {
    const auto addresses = forbidden_addresses(ground_->victim_image());
    for (const char* name : {"read_parameter", "write_parameter", "locked_write_parameter",
                             "execute_parameter", "string_copy_parameter"}) {
        for (const std::uint64_t address : addresses) {
            SCOPED_TRACE(testing::Message() << name << " 0x" << std::hex << address);
            const auto image = with_parameters({address});
            ground_->run(image, image.symbol(std::string{"case_"} + name), fault({14}));
            if (HasFailure()) return;
        }
    }
    ground_->expect_unharmed();
}

TEST_P(Isolation, NonCanonicalMemoryIsOutOfReach) {
    for (const std::uint64_t address :
         {0x8000'0000'0000ull, 0xffff'7fff'ffff'fff8ull, 0x1234'5678'9abc'def0ull}) {
        SCOPED_TRACE(address);
        const auto image = with_parameters({address});
        ground_->run(image, image.symbol("case_read_parameter"), fault({13}));
        ground_->run(image, image.symbol("case_execute_parameter"), fault({13, 14}));
    }
    ground_->expect_unharmed();
}

constexpr std::uint64_t number(abi::Call call) {
    return static_cast<std::uint64_t>(call);
}

TEST_P(Isolation, BrokenCallContractsEndTheCaller) {
    using abi::Call;
    constexpr std::uint64_t kKernel = 0xffff'ffff'8000'0000, kFree = 0x1000'0000, kTooMany = 1ull << 52;
    const std::vector<std::vector<std::uint64_t>> calls = {
        {abi::kCallCount},
        {99},
        {~0ull},
        {1ull << 32 | number(Call::kNothing)},
        {number(Call::kAttestNext)},
        {number(Call::kGuestRequest)},
        {number(Call::kExit), 0},
        {number(Call::kExit), static_cast<std::uint64_t>(abi::EndReason::kBadCall)},
        {number(Call::kExit), static_cast<std::uint64_t>(abi::EndReason::kStopped)},
        {number(Call::kExit), 9},
        {number(Call::kExit), ~0ull},
        {number(Call::kMap), kKernel, 1, 3},
        {number(Call::kMap), 0x8000, 1, 3},
        {number(Call::kMap), kFree + 1, 1, 3},
        {number(Call::kMap), kFree, ~0ull, 3},
        {number(Call::kMap), kFree, kTooMany, 3},
        {number(Call::kMap), abi::kEnclaveEnd, 1, 3},
        {number(Call::kMap), abi::kEnclaveEnd - 0x1000, 2, 3},
        {number(Call::kMap), 0x8000'0000'0000, 1, 3},
        {number(Call::kMap), kFree, 1, 6},
        {number(Call::kMap), kFree, 1, 7},
        {number(Call::kMap), kFree, 1, 8},
        {number(Call::kMap), kFree, 1, ~0ull},
        {number(Call::kUnmap), kKernel, 1},
        {number(Call::kUnmap), kFree + 8, 1},
        {number(Call::kUnmap), kFree, ~0ull},
        {number(Call::kProtect), kFree, 1, 6},
        {number(Call::kProtect), kFree, 1, 7},
        {number(Call::kProtect), kKernel, 1, 1},
        {number(Call::kProtect), kFree, 1, 1ull << 63},
        {number(Call::kDiscard), kKernel, 1},
        {number(Call::kDiscard), kFree + 1, 1},
        {number(Call::kMove), kFree, kKernel, 1},
        {number(Call::kMove), kKernel, kFree, 1},
        {number(Call::kMove), kFree, kFree + 0x1000, 2},
        {number(Call::kMove), kFree, kFree + 0x10'0000, ~0ull},
        {number(Call::kWait), kKernel, 0, 0},
        {number(Call::kWait), 0x8000'0000'0000, 0, 0},
        {number(Call::kWait), kFree + 1, 0, 0},
        {number(Call::kWake), kKernel, 1},
        {number(Call::kWake), kFree + 2, 1},
        {number(Call::kWaitIo), 0, 0, 2},
        {number(Call::kWaitIo), 0, 0, ~3ull},
        {number(Call::kWaitIo), 0, 0, 1ull << 32},
        {number(Call::kCreateThread), kKernel, 0},
        {number(Call::kCreateThread), kFree + 8, 0},
        {number(Call::kCreateThread), kFree, 0},  // nothing is mapped there
        {number(Call::kCreateThread), abi::kThreadBlockBase, 1ull << 63},
        {number(Call::kCreateThread), abi::kIoAreaBase, 0},  // the host's
        {number(Call::kCreateThread), abi::kThreadBlockBase, 0, 0, 2},
        {number(Call::kCreateThread), abi::kThreadBlockBase, 0, 0, 1ull << 63},
        {number(Call::kCopySpace), 1, 1},
        {number(Call::kShare), kFree, kFree + 0x10'0000, 1, 3},
        {number(Call::kShare), abi::kThreadBlockBase, abi::kThreadBlockBase + 0x1000, 1, 3},
        {number(Call::kShare), abi::kThreadBlockBase, kKernel, 1, 3},
        {number(Call::kShare), kKernel, kFree, 1, 3},
        {number(Call::kShare), abi::kThreadBlockBase, kFree, 1, 7},
        {number(Call::kShare), abi::kThreadBlockBase, kFree, ~0ull, 3},
        {number(Call::kShare), abi::kThreadBlockBase + 0x1000, kFree, 1, 3},  // nothing is mapped there
        {number(Call::kShare), abi::kIoAreaBase, kFree, 1, 3},                // the host's
    };
    for (const auto& call : calls) {
        SCOPED_TRACE(testing::PrintToString(call));
        const auto image = with_parameters(call);
        ground_->run(image, image.symbol("case_call_parameters"), kBadCallEnd);
        if (HasFailure()) return;
    }
    ground_->expect_unharmed();
}

// Every call with arguments from a set of awkward values: whatever happens to
// the caller, the kernel stays.
TEST_P(Isolation, AwkwardCallArgumentsHarmNobodyElse) {
    const std::uint64_t values[] = {0,
                                    1,
                                    3,
                                    0xfff,
                                    0x1000,
                                    0x40'0000,
                                    0x1000'0000,
                                    abi::kThreadBlockBase,
                                    abi::kIoAreaBase,
                                    abi::kEnclaveEnd - 0x1000,
                                    abi::kEnclaveEnd,
                                    0x7fff'ffff'f000,
                                    0x8000'0000'0000,
                                    0xffff'8000'0000'0000,
                                    0xffff'ffff'8000'0000,
                                    ~0ull,
                                    ~0ull << 12,
                                    1ull << 63,
                                    1ull << 32,
                                    1ull << 52};
    std::mt19937_64 random{GetParam() == host::Platform::kPlain ? 11u : 12u};
    const int rounds = soak_seconds(0) > 0 ? 4000 : 300;
    for (int i = 0; i < rounds; i++) {
        std::vector<std::uint64_t> call{random() % abi::kCallCount};
        for (int a = 0; a < 6; a++) call.push_back(values[random() % std::size(values)]);
        SCOPED_TRACE(testing::PrintToString(call));
        // Waiting calls without a deadline do not end by themselves.
        const auto image = with_parameters(call);
        const bool waits = call[0] == number(abi::Call::kWait) || call[0] == number(abi::Call::kWaitIo) ||
                           call[0] == number(abi::Call::kFreeze);
        const auto status = ground_->run_to_end(image, image.symbol("case_call_parameters"), waits);
        if (!status || HasFailure()) return;
    }
    ground_->expect_unharmed();
}

TEST_P(Isolation, ResumedContextsStayInRing3) {
    const auto plain = ground_->hostile();
    const std::uint64_t resumed = plain.symbol("resumed");
    struct Context {
        std::uint64_t rip, cs, flags, rsp, ss;
    };
    const Context contexts[] = {
        {resumed, 0x2b, 0x202, 0x400000, 0x23},
        {resumed, 0x08, 0x202, 0x400000, 0x10},
        {resumed, 0, 0x202, 0x400000, 0},
        {resumed, 0xffff, 0x202, 0x400000, 0xffff},
        {resumed, 0x2b, 0x3202, 0x400000, 0x23},
        {resumed, 0x2b, 0, 0x400000, 0x23},
        {resumed, 0x2b, 0x24ed5 | 0x3000, 0x400000, 0x23},
        {resumed, 0x2b, 0x20202, 0x400000, 0x23},
        {resumed, 0x2b, 0x4202, 0x400000, 0x23},
        {resumed, 0x2b, 0x202, 0x8000'0000'0000, 0x23},
        {resumed, 0x2b, 0x202, 0xffff'ffff'8000'0000, 0x23},
        {0x8000'0000'0000, 0x2b, 0x202, 0x400000, 0x23},
        {0xffff'7fff'ffff'ffff, 0x2b, 0x202, 0x400000, 0x23},
        {0xffff'ffff'8000'0000, 0x2b, 0x202, 0x400000, 0x23},
        {0xffff'ffff'8000'0000, 0x08, 0x202, 0x400000, 0x10},
        {0xffff'8000'0010'0000, 0x08, 0x0, 0xffff'8000'0010'0000, 0x10},
        {0x7fff'ffff'ffff, 0x2b, 0x202, 0x400000, 0x23},
        {0, 0x2b, 0x202, 0, 0x23},
        {~0ull, ~0ull, ~0ull, ~0ull, ~0ull},
    };
    for (const Context& context : contexts) {
        SCOPED_TRACE(testing::Message()
                     << std::hex << "rip 0x" << context.rip << " cs 0x" << context.cs << " flags 0x"
                     << context.flags << " rsp 0x" << context.rsp << " ss 0x" << context.ss);
        std::vector<std::uint64_t> registers(17, 0x1111);
        for (const std::uint64_t value : {context.rip, context.cs, context.flags, context.rsp, context.ss}) {
            registers.push_back(value);
        }
        const auto image = with_parameters(registers);
        const auto status = ground_->run_to_end(image, image.symbol("case_resume_parameters"), false);
        if (!status) return;
        const auto reason = static_cast<abi::EndReason>(status->reason);
        if (reason == abi::EndReason::kExited) {
            EXPECT_EQ(status->code, 44u) << describe(*status);
            EXPECT_EQ(status->address & 3, 3u) << "not in ring 3";
            EXPECT_EQ(status->detail & 0x3000, 0u) << "I/O privilege";
            EXPECT_NE(status->detail & 0x200, 0u) << "interrupts off";
            EXPECT_EQ(status->detail & 0x4000, 0u) << "nested task";
        } else {
            EXPECT_TRUE(reason == abi::EndReason::kFault || reason == abi::EndReason::kBadCall)
                << describe(*status);
        }
        if (HasFailure()) return;
    }
    ground_->expect_unharmed();
}

// The test can fail: a program that only exits is told from one that faults,
// and code that runs where it may is not taken for a fault.
TEST_P(Isolation, HarmlessProgramsAreNotTakenForHostile) {
    const auto image = with_parameters({number(abi::Call::kNothing)});
    ground_->run(image, image.symbol("case_call_parameters"), exited(33));
    const auto own = with_parameters({image.symbol("parameters")});
    const auto status = ground_->run_to_end(own, own.symbol("case_read_parameter"), false);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->reason, static_cast<std::uint32_t>(abi::EndReason::kExited));
    EXPECT_EQ(status->code, 66u) << "reading its own data must work";
}

}  // namespace
}  // namespace enclavisor::tests
