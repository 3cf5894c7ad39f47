#include "kernel/platform/cpuid_page.hpp"

namespace enclavisor::kernel {
namespace {

constexpr std::uint32_t kExtendedState = 0xd;
constexpr std::uint32_t kEncryption = 0x8000'001f;
// EAX of it: SEV, SEV-ES, SEV-SNP.
constexpr std::uint32_t kAllOfThem = 1 << 1 | 1 << 3 | 1 << 4;

// x87 and SSE states, and the header of the XSAVE area (APM2 11.5.6).
constexpr std::uint32_t kLegacySize = 576;

// Leaves whose second input means something.
bool has_subleaves(std::uint32_t leaf) {
    switch (leaf) {
        case 0x4:
        case 0x7:
        case 0xb:
        case kExtendedState:
        case 0xf:
        case 0x10:
        case 0x12:
        case 0x8000'001d:
        case 0x8000'0020:
        case 0x8000'0026:
            return true;
        default:
            return false;
    }
}

}  // namespace

const char* CpuidTable::fault(const abi::CpuidPage& page) {
    if (page.count == 0) return "the CPUID page is empty";
    if (page.count > abi::kMostCpuidEntries) return "the CPUID page counts more entries than it has room for";
    for (std::uint32_t i = 0; i < page.count; i++) {
        const abi::CpuidEntry& a = page.entries[i];
        for (std::uint32_t k = 0; k < i; k++) {
            const abi::CpuidEntry& b = page.entries[k];
            if (a.leaf == b.leaf && a.subleaf == b.subleaf && a.xcr0 == b.xcr0 && a.xss == b.xss)
                return "the CPUID page lists a leaf twice";
        }
    }
    return nullptr;
}

const abi::CpuidEntry* CpuidTable::entry(std::uint32_t leaf, std::uint32_t subleaf) const {
    for (std::uint32_t i = 0; i < page_.count && i < abi::kMostCpuidEntries; i++) {
        const abi::CpuidEntry& e = page_.entries[i];
        if (e.leaf == leaf && (!has_subleaves(leaf) || e.subleaf == subleaf)) return &e;
    }
    return nullptr;
}

// Each component from 2 on has a subleaf: EAX its size, EBX its offset in the standard form, ECX bit 1
// whether it is aligned to 64 bytes in the compacted one.
std::uint32_t CpuidTable::extended_state_size(std::uint64_t components, bool compacted) const {
    std::uint64_t size = kLegacySize;
    for (std::uint32_t i = 2; i < 63; i++) {
        if (!(components >> i & 1)) continue;
        const abi::CpuidEntry* component = entry(kExtendedState, i);
        if (component == nullptr) continue;
        if (compacted) {
            if (component->ecx & 2) size = (size + 63) & ~63ull;
            size += component->eax;
        } else if (size < std::uint64_t{component->ebx} + component->eax) {
            size = std::uint64_t{component->ebx} + component->eax;
        }
    }
    return size > 0xffff'ffff ? 0 : static_cast<std::uint32_t>(size);
}

CpuidValues CpuidTable::find(std::uint32_t leaf, std::uint32_t subleaf, std::uint64_t xcr0,
                             std::uint64_t xss) const {
    const abi::CpuidEntry* found = entry(leaf, subleaf);
    if (found == nullptr) return {};
    CpuidValues values{found->eax, found->ebx, found->ecx, found->edx};
    if (leaf == kExtendedState && subleaf == 0) values.ebx = extended_state_size(xcr0, false);
    if (leaf == kExtendedState && subleaf == 1) values.ebx = extended_state_size(xcr0 | xss, true);
    return values;
}

unsigned CpuidTable::c_bit() const {
    const CpuidValues values = find(kEncryption, 0, 0, 0);
    const unsigned position = values.ebx & 0x3f;
    if ((values.eax & kAllOfThem) != kAllOfThem) return 0;
    return position >= 32 && position < 52 ? position : 0;
}

}  // namespace enclavisor::kernel
