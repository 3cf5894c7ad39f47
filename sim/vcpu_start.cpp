#include "sim/vcpu_start.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint64_t kPe = 1 << 0, kNw = 1 << 29, kCd = 1 << 30, kPg = 1u << 31;
constexpr std::uint64_t kPae = 1 << 5;
constexpr std::uint64_t kLme = 1 << 8, kLma = 1 << 10, kSvme = 1 << 12;
// SCE, LME, LMA, NXE, SVME, LMSLE, FFXSR, TCE, MCOMMIT, INTWB, UAIE, AIBRSE.
constexpr std::uint64_t kKnownEfer = 0x36'fd01;
// VME to UMIP, LA57, FSGSBASE, PCIDE, OSXSAVE, SMEP, SMAP, PKE, CET.
constexpr std::uint64_t kKnownCr4 = 0xf7'1fff;
constexpr std::uint64_t kKnownRflags = 0x3f'7fd7, kRflagsOne = 1 << 1;

// Attributes of a segment, as a VMCB has them (APM2 15.5.1).
constexpr std::uint16_t kCodeOrData = 1 << 4, kCode = 1 << 3, kPresent = 1 << 7, kLong = 1 << 9,
                        kBig = 1 << 10;
constexpr std::uint16_t kLevel = 3 << 5;

constexpr bool is_canonical(std::uint64_t address) {
    const auto high = static_cast<std::int64_t>(address) >> 47;
    return high == 0 || high == -1;
}

constexpr bool is_pat(std::uint64_t pat) {
    for (int i = 0; i < 8; i++, pat >>= 8) {
        if (const auto type = pat & 0xff; type > 7 || type == 2 || type == 3) return false;
    }
    return true;
}

bool is_64_bit_code(const abi::VmsaSegment& cs) {
    constexpr std::uint16_t kNeeded = kCodeOrData | kCode | kPresent | kLong;
    return (cs.attributes & kNeeded) == kNeeded && (cs.attributes & kLevel) == 0;
}

}  // namespace

const char* vmsa_fault(const abi::Vmsa& v) {
    if ((v.efer & kSvme) == 0) return "EFER.SVME is 0";
    if (v.efer & ~kKnownEfer) return "EFER has bits that must be 0";
    if (v.cr0 >> 32) return "CR0 has bits that must be 0";
    if ((v.cr0 & kNw) && (v.cr0 & kCd) == 0) return "CR0.NW without CR0.CD";
    if (v.cr3 >> 52) return "CR3 has bits that must be 0";
    if (v.cr4 & ~kKnownCr4) return "CR4 has bits that must be 0";
    if (v.dr6 >> 32 || v.dr7 >> 32) return "DR6 or DR7 has bits that must be 0";
    if ((v.efer & kLme) && (v.cr0 & kPg)) {
        if ((v.cr4 & kPae) == 0) return "long mode without CR4.PAE";
        if ((v.cr0 & kPe) == 0) return "long mode without CR0.PE";
        if ((v.cs.attributes & kLong) && (v.cs.attributes & kBig))
            return "CS is 64-bit and 32-bit code at once";
    }
    if ((v.xcr0 & 1) == 0) return "XCR0 without x87";
    if (!is_pat(v.g_pat)) return "PAT has a type that does not exist";
    if (v.rflags & ~kKnownRflags || (v.rflags & kRflagsOne) == 0) return "RFLAGS has a wrong constant bit";
    if (!is_canonical(v.rip)) return "RIP is not canonical";
    // Ours alone.
    constexpr std::uint64_t kLong64 = kLme | kLma;
    if ((v.efer & kLong64) != kLong64 || (v.cr0 & kPg) == 0 || !is_64_bit_code(v.cs))
        return "it does not begin in 64-bit mode";
    if (v.vmpl != 0 || v.cpl != 0) return "it does not begin at the highest level";
    return nullptr;
}

abi::SimStart start_of(const abi::Vmsa& v) {
    abi::SimStart start{};
    start.rip = v.rip;
    start.rsp = v.rsp;
    start.cr0 = v.cr0;
    start.cr3 = v.cr3;
    start.cr4 = v.cr4;
    start.efer = v.efer;
    start.dr6 = v.dr6;
    start.dr7 = v.dr7;
    start.pat = v.g_pat;
    start.gdt_limit = static_cast<std::uint16_t>(v.gdtr.limit);
    start.gdt_base = v.gdtr.base;
    start.idt_limit = static_cast<std::uint16_t>(v.idtr.limit);
    start.idt_base = v.idtr.base;
    return start;
}

}  // namespace enclavisor::sim
