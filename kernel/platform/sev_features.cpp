#include "kernel/platform/sev_features.hpp"

namespace enclavisor::kernel {
namespace {

using R = GhcbRefusal;

// What the processor or the hypervisor does by itself: a guest need not know of it. Debug swap keeps a
// guest's debug registers for it.
constexpr std::uint64_t kSilent = abi::kSevFeatureDebugSwap | abi::kSevFeaturePreventHostIbs |
                                  abi::kSevFeatureBtbIsolation | abi::kSevFeatureIbsVirtualization |
                                  abi::kSevFeatureSmtProtection | abi::kSevFeatureIbpbOnEntry;
constexpr std::uint64_t kImplemented = abi::kSevFeatureSnp | abi::kSevFeatureSecureTsc;

constexpr struct {
    std::uint64_t feature;
    R refusal;
} kNamed[] = {
    {abi::kSevFeatureVirtualTom, R::kVirtualTom},
    {abi::kSevFeatureReflectVc, R::kReflectVc},
    {abi::kSevFeatureRestrictedInjection, R::kRestrictedInjection},
    {abi::kSevFeatureAlternateInjection, R::kAlternateInjection},
};

}  // namespace

GhcbRefusal judge_status(std::uint64_t status, bool snp) {
    constexpr std::uint64_t kSev = 1 << 0, kSevEs = 1 << 1;
    const std::uint64_t features = status >> abi::kSevStatusFeatures;
    if ((status & (kSev | kSevEs)) != (kSev | kSevEs)) return R::kUnprotected;
    if (((features & abi::kSevFeatureSnp) != 0) != snp) return R::kUnprotected;
    for (const auto& named : kNamed) {
        if (features & named.feature) return named.refusal;
    }
    return (features & ~(kSilent | (snp ? kImplemented : 0))) == 0 ? R::kNone : R::kUnknownFeature;
}

std::uint64_t secure_tsc_khz(std::uint64_t frequency, std::uint32_t factor) {
    constexpr std::uint64_t kMegahertz = (1 << 18) - 1, kUnits = 100'000;
    constexpr std::uint64_t kLeast = 100'000, kMost = 10'000'000;
    if (factor >= kUnits) return 0;
    const std::uint64_t nominal = (frequency & kMegahertz) * 1000;
    const std::uint64_t khz = nominal - nominal * factor / kUnits;
    return khz >= kLeast && khz <= kMost ? khz : 0;
}

}  // namespace enclavisor::kernel
