#include "kernel/platform/sev_features.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "abi/platform/vmsa.hpp"
#include "kernel/testing/hypervisor_model.hpp"
#include "kernel/testing/kernel_fixture.hpp"

namespace enclavisor::kernel::testing {
namespace {

using R = GhcbRefusal;

constexpr std::uint64_t kEs = 3, kSnp = 7;

std::uint64_t with(std::uint64_t status, std::uint64_t features) {
    return status | features << abi::kSevStatusFeatures;
}

TEST(SevFeatures, AVmIsWhatItsKernelWasBuiltFor) {
    EXPECT_EQ(judge_status(kEs, false), R::kNone);
    EXPECT_EQ(judge_status(kSnp, true), R::kNone);
    EXPECT_EQ(judge_status(kSnp, false), R::kUnprotected);
    EXPECT_EQ(judge_status(kEs, true), R::kUnprotected);
    for (const std::uint64_t less : {0, 1, 2, 4, 5, 6}) {
        EXPECT_EQ(judge_status(less, true), R::kUnprotected) << less;
        EXPECT_EQ(judge_status(less, false), R::kUnprotected) << less;
    }
}

// Bit for bit: what is accepted is listed here, and nothing else is.
TEST(SevFeatures, EachBitIsKnownOrRefused) {
    const std::map<unsigned, R> named{
        {3, R::kVirtualTom}, {4, R::kReflectVc}, {5, R::kRestrictedInjection}, {6, R::kAlternateInjection}};
    const std::set<unsigned> accepted{7, 8, 9, 11, 14, 17, 23};
    for (unsigned bit = 3; bit < 64; bit++) {
        const auto found = named.find(bit);
        const R refusal = found != named.end() ? found->second : R::kUnknownFeature;
        EXPECT_EQ(judge_status(kSnp | 1ull << bit, true), accepted.contains(bit) ? R::kNone : refusal) << bit;
        // A secure TSC takes an SEV-SNP guest.
        const bool of_es = accepted.contains(bit) && bit != 11;
        EXPECT_EQ(judge_status(kEs | 1ull << bit, false), of_es ? R::kNone : refusal) << bit;
    }
    EXPECT_EQ(judge_status(with(kSnp, abi::kSevFeatureSecureTsc | abi::kSevFeatureDebugSwap), true),
              R::kNone);
    EXPECT_EQ(judge_status(with(kSnp, abi::kSevFeatureDebugSwap | abi::kSevFeatureSecureAvic), true),
              R::kUnknownFeature);
    EXPECT_TRUE(has_secure_tsc(kSnp | 1 << 11));
    EXPECT_FALSE(has_secure_tsc(~(1ull << 11)));
}

TEST(SevFeatures, ASecureTscHasTheFrequencyOfTheRegisterLessTheFactor) {
    EXPECT_EQ(secure_tsc_khz(2450, 0), 2'450'000u);
    EXPECT_EQ(secure_tsc_khz(2450, 1), 2'449'976u);  // 24.5 kHz less
    EXPECT_EQ(secure_tsc_khz(2450, 200), 2'445'100u);
    EXPECT_EQ(secure_tsc_khz(~0x3ffffull | 1000, 0), 1'000'000u) << "reserved bits";
    EXPECT_EQ(secure_tsc_khz(100, 0), 100'000u);
    EXPECT_EQ(secure_tsc_khz(10'000, 0), 10'000'000u);
}

TEST(SevFeatures, AFrequencyThatCannotBeIsNone) {
    for (const std::uint64_t megahertz : {0u, 1u, 99u, 10'001u, 0x3ffffu, 0x40000u})
        EXPECT_EQ(secure_tsc_khz(megahertz, 0), 0u) << megahertz;
    EXPECT_EQ(secure_tsc_khz(100, 1), 0u);
    for (const std::uint32_t factor : {100'000u, 100'001u, ~0u}) EXPECT_EQ(secure_tsc_khz(2450, factor), 0u);
}

class SecureTsc : public KernelTest {};

TEST_F(SecureTsc, IsBelievedInTheHostsPlace) {
    const auto hint =
        machine.kernel().link.header().member<std::uint64_t>(offsetof(abi::LinkHeader, tsc_khz));
    hint.write(3'000'000);
    EXPECT_EQ(machine.kernel().tsc_khz(), 3'000'000u);
    machine.kernel().secure_tsc_khz = 2'449'976;
    EXPECT_EQ(machine.kernel().tsc_khz(), 2'449'976u);
    machine.start_enclave();
    machine.schedule();
    EXPECT_EQ(this_cpu().current->block->tsc_khz, 2'449'976u);
}

}  // namespace
}  // namespace enclavisor::kernel::testing
