#include "sim/cpuid_page.hpp"

#include <algorithm>

#include "abi/platform/layout.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint32_t kRdrand = 1u << 30;                                // leaf 1, ECX
constexpr std::uint32_t kSmep = 1u << 7, kSmap = 1u << 20;                 // leaf 7, EBX
constexpr std::uint32_t kSev = 1u << 1, kSevEs = 1u << 3, kSnp = 1u << 4;  // leaf 0x8000001F, EAX

// What a guest's safety hangs on, and no hypervisor may hide or move. The processor of the model has it all.
void correct(abi::CpuidEntry& entry) {
    entry.reserved = 0;
    if (entry.leaf == 1) entry.ecx |= kRdrand;
    if (entry.leaf == 7 && entry.subleaf == 0) entry.ebx |= kSmep | kSmap;
    if (entry.leaf == 0x8000'001F) {
        entry.eax |= kSev | kSevEs | kSnp;
        if ((entry.ebx & 0x3Fu) != abi::kSimulatedCBit) entry.ebx = (entry.ebx & ~0x3Fu) | kEncryptedBit;
    }
    // Sizes of the areas of XSAVE follow from what is enabled: a guest must not be told less.
    if (entry.leaf == 0xD && entry.subleaf <= 1 && entry.xcr0 == 1) entry.ebx = std::max(entry.ebx, 0x240u);
}

}  // namespace

bool correct_cpuid(Bytes& page) {
    abi::CpuidPage table;
    std::memcpy(&table, page.data(), sizeof(table));
    table.reserved_0 = 0;
    table.reserved_1 = 0;
    std::memset(table.reserved_2, 0, sizeof(table.reserved_2));
    table.count = std::min(table.count, abi::kMostCpuidEntries);
    for (std::uint32_t i = 0; i < table.count; ++i) correct(table.entries[i]);
    std::fill(table.entries + table.count, std::end(table.entries), abi::CpuidEntry{});
    const bool right = std::memcmp(&table, page.data(), sizeof(table)) == 0;
    std::memcpy(page.data(), &table, sizeof(table));
    return right;
}

}  // namespace enclavisor::sim
