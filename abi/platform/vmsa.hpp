// The state in which a vCPU of an SEV-ES or SEV-SNP guest begins (APM2 appendix B,
// table B-4): encrypted, and part of the launch digest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/platform/layout.hpp"

namespace enclavisor::abi {

struct VmsaSegment {
    std::uint16_t selector, attributes;
    std::uint32_t limit;
    std::uint64_t base;
};
static_assert(sizeof(VmsaSegment) == 16);

struct Vmsa {
    VmsaSegment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    std::uint8_t reserved_a0[0x2a];
    std::uint8_t vmpl, cpl;
    std::uint8_t reserved_cc[4];
    std::uint64_t efer;
    std::uint8_t reserved_d8[0x68];
    std::uint64_t xss, cr4, cr3, cr0, dr7, dr6, rflags, rip;
    std::uint8_t reserved_180[0x58];
    std::uint64_t rsp, s_cet, ssp, isst_addr, rax;
    std::uint8_t reserved_200[0x68];
    std::uint64_t g_pat;
    std::uint8_t reserved_270[0x98];
    std::uint64_t rcx, rdx, rbx;
    std::uint8_t reserved_320[0x90];
    std::uint64_t sev_features;
    std::uint8_t reserved_3b8[0x30];
    std::uint64_t xcr0;
    std::uint8_t reserved_3f0[0x18];
    std::uint32_t mxcsr;
    std::uint16_t x87_ftw, x87_fsw, x87_fcw, x87_fop;
    std::uint8_t reserved_414[0xbec];
};
static_assert(sizeof(Vmsa) == kPageSize);
static_assert(offsetof(Vmsa, tr) == 0x90 && offsetof(Vmsa, cpl) == 0xcb && offsetof(Vmsa, efer) == 0xd0);
static_assert(offsetof(Vmsa, xss) == 0x140 && offsetof(Vmsa, rip) == 0x178 && offsetof(Vmsa, rsp) == 0x1d8);
static_assert(offsetof(Vmsa, rax) == 0x1f8 && offsetof(Vmsa, g_pat) == 0x268 && offsetof(Vmsa, rcx) == 0x308);
static_assert(offsetof(Vmsa, sev_features) == 0x3b0 && offsetof(Vmsa, xcr0) == 0x3e8);
static_assert(offsetof(Vmsa, mxcsr) == 0x408 && offsetof(Vmsa, x87_fcw) == 0x410);
static_assert(std::has_unique_object_representations_v<Vmsa>);

// Bits of `sev_features`. SEV_STATUS tells the guest the same ones two places higher (APM2 15.34.10).
inline constexpr std::uint64_t kSevFeatureSnp = 1 << 0, kSevFeatureVirtualTom = 1 << 1,
                               kSevFeatureReflectVc = 1 << 2, kSevFeatureRestrictedInjection = 1 << 3,
                               kSevFeatureAlternateInjection = 1 << 4, kSevFeatureDebugSwap = 1 << 5,
                               kSevFeaturePreventHostIbs = 1 << 6, kSevFeatureBtbIsolation = 1 << 7,
                               kSevFeatureVmplShadowStack = 1 << 8, kSevFeatureSecureTsc = 1 << 9,
                               kSevFeatureVmgexitParameter = 1 << 10, kSevFeatureIbsVirtualization = 1 << 12,
                               kSevFeatureRegisterProtection = 1 << 14, kSevFeatureSmtProtection = 1 << 15,
                               kSevFeatureSecureAvic = 1 << 16, kSevFeatureIbpbOnEntry = 1 << 21;
inline constexpr unsigned kSevStatusFeatures = 2;

}  // namespace enclavisor::abi
