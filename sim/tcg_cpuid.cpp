#include "sim/tcg_cpuid.hpp"

#include <algorithm>

#include "abi/platform/layout.hpp"

namespace enclavisor::sim {
namespace {

// SEV, SEV-ES, SEV-SNP.
constexpr std::uint32_t kEncryption = 1 << 1 | 1 << 3 | 1 << 4;

// QEMU 7.2, -cpu max,-la57. All but the last row are what sim/tcg_cpuid.py prints, which has QEMU's TCG
// execute the instruction; the test sim_tcg_cpuid compares.
constexpr abi::CpuidEntry kEntries[] = {
    {0x0, 0, 0, 0, 0x0000000d, 0x68747541, 0x444d4163, 0x69746e65, 0},
    {0x1, 0, 0, 0, 0x00060fb1, 0x00000800, 0xf6d8320b, 0x0fcbfbfd, 0},
    {0x7, 0, 0, 0, 0x00000000, 0x01d843a9, 0x8000020c, 0x00000000, 0},
    {0xd, 0, 1, 0, 0x0000021f, 0x00000240, 0x00000a88, 0x00000000, 0},
    {0xd, 1, 1, 0, 0x00000005, 0x000003c8, 0x00000000, 0x00000000, 0},
    {0xd, 2, 0, 0, 0x00000100, 0x00000240, 0x00000000, 0x00000000, 0},
    {0xd, 3, 0, 0, 0x00000040, 0x000003c0, 0x00000000, 0x00000000, 0},
    {0xd, 4, 0, 0, 0x00000040, 0x00000400, 0x00000000, 0x00000000, 0},
    {0xd, 9, 0, 0, 0x00000008, 0x00000a80, 0x00000000, 0x00000000, 0},
    {0x80000000, 0, 0, 0, 0x8000001f, 0x68747541, 0x444d4163, 0x69746e65, 0},
    {0x80000001, 0, 0, 0, 0x00060fb1, 0x00000000, 0x00000075, 0xedd3fbfd, 0},
    {0x80000002, 0, 0, 0, 0x554d4551, 0x47435420, 0x55504320, 0x72657620, 0},
    {0x80000003, 0, 0, 0, 0x6e6f6973, 0x352e3220, 0x0000002b, 0x00000000, 0},
    {0x80000008, 0, 0, 0, 0x00003028, 0x00000000, 0x00000000, 0x00000000, 0},
    {0x8000001f, 0, 0, 0, kEncryption, abi::kSimulatedCBit, 0, 0, 0},
};
static_assert(std::size(kEntries) <= abi::kMostCpuidEntries);

}  // namespace

std::span<const abi::CpuidEntry> tcg_cpuid() {
    return kEntries;
}

abi::CpuidPage cpuid_page() {
    abi::CpuidPage page{};
    page.count = std::size(kEntries);
    std::ranges::copy(kEntries, page.entries);
    return page;
}

}  // namespace enclavisor::sim
