#include "sim/cpuid_page.hpp"

#include <algorithm>

namespace enclavisor::sim {
namespace {

constexpr std::uint32_t kRdrand = 1u << 30;                                // leaf 1, ECX
constexpr std::uint32_t kSmep = 1u << 7, kSmap = 1u << 20;                 // leaf 7, EBX
constexpr std::uint32_t kSev = 1u << 1, kSevEs = 1u << 3, kSnp = 1u << 4;  // leaf 0x8000001F, EAX

// What a guest's safety hangs on, and no hypervisor may hide or move. The processor of the model has it all.
void correct(CpuidEntry& entry) {
    entry.reserved = 0;
    if (entry.eax_in == 1) entry.ecx |= kRdrand;
    if (entry.eax_in == 7 && entry.ecx_in == 0) entry.ebx |= kSmep | kSmap;
    if (entry.eax_in == 0x8000'001F) {
        entry.eax |= kSev | kSevEs | kSnp;
        entry.ebx = (entry.ebx & ~0x3Fu) | kEncryptedBit;
    }
    // Sizes of the areas of XSAVE follow from what is enabled: a guest must not be told less.
    if (entry.eax_in == 0xD && entry.ecx_in <= 1 && entry.xcr0_in == 1)
        entry.ebx = std::max(entry.ebx, 0x240u);
}

}  // namespace

bool correct_cpuid(Bytes& page) {
    CpuidPage table;
    std::memcpy(&table, page.data(), sizeof(table));
    table.reserved0 = 0;
    table.reserved1 = 0;
    table.rest = {};
    table.count = std::min(table.count, kMostCpuidEntries);
    for (std::uint32_t i = 0; i < table.count; ++i) correct(table.entries[i]);
    std::fill(table.entries.begin() + table.count, table.entries.end(), CpuidEntry{});
    const bool right = std::memcmp(&table, page.data(), sizeof(table)) == 0;
    std::memcpy(page.data(), &table, sizeof(table));
    return right;
}

}  // namespace enclavisor::sim
