#include "sim/vcpu_start.hpp"

#include <gtest/gtest.h>

#include <string>

namespace enclavisor::sim {
namespace {

abi::Vmsa good() {
    abi::Vmsa v{};
    v.cs = {8, 0x29b, 0xffff'ffff, 0};
    v.ss = v.ds = {16, 0xc93, 0xffff'ffff, 0};
    v.efer = 0x1d00;
    v.cr0 = 0x8001'0033;
    v.cr4 = 0x20;
    v.cr3 = 0x1000;
    v.dr6 = 0xffff'0ff0;
    v.dr7 = 0x400;
    v.rflags = 2;
    v.rip = 0xffff'ffff'8020'0000;
    v.g_pat = 0x0007'0406'0007'0406;
    v.xcr0 = 1;
    return v;
}

TEST(VcpuStart, OneThatRuns) {
    const abi::Vmsa v = good();
    EXPECT_EQ(vmsa_fault(v), nullptr);
    const abi::SimStart start = start_of(v);
    EXPECT_EQ(start.rip, v.rip);
    EXPECT_EQ(start.cr3, v.cr3);
    EXPECT_EQ(start.efer, v.efer);
}

TEST(VcpuStart, EachRefusal) {
    using Change = void (*)(abi::Vmsa&);
    const struct {
        const char* said;
        Change change;
    } kCases[] = {
        {"EFER.SVME is 0", [](abi::Vmsa& v) { v.efer = 0xd00; }},
        {"EFER has bits", [](abi::Vmsa& v) { v.efer |= 2; }},
        {"CR0 has bits", [](abi::Vmsa& v) { v.cr0 |= 1ull << 32; }},
        {"CR0.NW", [](abi::Vmsa& v) { v.cr0 |= 1 << 29; }},
        {"CR3 has bits", [](abi::Vmsa& v) { v.cr3 |= 1ull << 52; }},
        {"CR4 has bits", [](abi::Vmsa& v) { v.cr4 |= 1 << 13; }},
        {"DR6 or DR7", [](abi::Vmsa& v) { v.dr6 |= 1ull << 32; }},
        {"DR6 or DR7", [](abi::Vmsa& v) { v.dr7 |= 1ull << 63; }},
        {"without CR4.PAE", [](abi::Vmsa& v) { v.cr4 = 0; }},
        {"without CR0.PE", [](abi::Vmsa& v) { v.cr0 &= ~1ull; }},
        {"at once", [](abi::Vmsa& v) { v.cs.attributes |= 1 << 10; }},
        {"XCR0", [](abi::Vmsa& v) { v.xcr0 = 6; }},
        {"PAT",
         [](abi::Vmsa& v) {
             v.g_pat |= 2;
             v.g_pat &= ~4ull;
         }},
        {"RFLAGS", [](abi::Vmsa& v) { v.rflags = 0; }},
        {"RFLAGS", [](abi::Vmsa& v) { v.rflags |= 1 << 3; }},
        {"RIP", [](abi::Vmsa& v) { v.rip = 0x0000'8000'0000'0000; }},
        {"64-bit mode", [](abi::Vmsa& v) { v.efer = 0x1000; }},
        {"64-bit mode", [](abi::Vmsa& v) { v.cs.attributes &= ~(1 << 9); }},
        {"64-bit mode", [](abi::Vmsa& v) { v.cs.attributes |= 3 << 5; }},
        {"highest level", [](abi::Vmsa& v) { v.vmpl = 1; }},
        {"highest level", [](abi::Vmsa& v) { v.cpl = 3; }},
    };
    for (const auto& c : kCases) {
        abi::Vmsa v = good();
        c.change(v);
        const char* const said = vmsa_fault(v);
        ASSERT_NE(said, nullptr) << c.said;
        EXPECT_NE(std::string{said}.find(c.said), std::string::npos) << said;
    }
}

}  // namespace
}  // namespace enclavisor::sim
