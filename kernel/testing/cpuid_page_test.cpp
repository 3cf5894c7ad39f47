#include "kernel/platform/cpuid_page.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace enclavisor::kernel::testing {
namespace {

class CpuidPageTest : public ::testing::Test {
protected:
    void add(std::uint32_t leaf, std::uint32_t subleaf, CpuidValues v, std::uint64_t xcr0 = 0) {
        page_->entries[page_->count++] = {leaf, subleaf, xcr0, 0, v.eax, v.ebx, v.ecx, v.edx, 0};
    }
    CpuidTable table() const { return CpuidTable{*page_}; }

    std::unique_ptr<abi::CpuidPage> page_ = std::make_unique<abi::CpuidPage>();
};

TEST_F(CpuidPageTest, ListedLeavesAndNoOthers) {
    add(1, 0, {1, 2, 3, 4});
    add(7, 0, {5, 6, 7, 8});
    add(7, 1, {9, 0, 0, 0});
    EXPECT_EQ(CpuidTable::fault(*page_), nullptr);
    EXPECT_EQ(table().find(1, 0, 0, 0), (CpuidValues{1, 2, 3, 4}));
    EXPECT_EQ(table().find(1, 99, 0, 0), (CpuidValues{1, 2, 3, 4})) << "leaf 1 has no subleaves";
    EXPECT_EQ(table().find(7, 1, 0, 0), (CpuidValues{9, 0, 0, 0}));
    EXPECT_EQ(table().find(7, 2, 0, 0), CpuidValues{});
    EXPECT_EQ(table().find(0x4000'0000, 0, 0, 0), CpuidValues{}) << "the hypervisor's own leaves";
}

TEST_F(CpuidPageTest, SizesOfTheExtendedState) {
    add(0xd, 0, {7, 0x240, 0xa88, 0}, 1);
    add(0xd, 1, {0xf, 0x240, 0x1800, 0}, 1);
    add(0xd, 2, {256, 576, 0, 0});
    add(0xd, 9, {8, 2688, 0, 0});
    add(0xd, 11, {16, 0, 3, 0});  // supervisor's, aligned
    EXPECT_EQ(table().find(0xd, 0, 1, 0).ebx, 576u);
    EXPECT_EQ(table().find(0xd, 0, 3, 0).ebx, 576u);
    EXPECT_EQ(table().find(0xd, 0, 7, 0).ebx, 832u);
    EXPECT_EQ(table().find(0xd, 0, 0x207, 0).ebx, 2696u);
    EXPECT_EQ(table().find(0xd, 1, 0x207, 0).ebx, 840u);
    EXPECT_EQ(table().find(0xd, 1, 0x207, 0x800).ebx, 896u + 16);
    // What is no component adds nothing, and what cannot be is no size.
    EXPECT_EQ(table().find(0xd, 0, ~0ull, 0).ebx, 2696u);
    add(0xd, 12, {0xffff'ffff, 0xffff'ffff, 0, 0});
    EXPECT_EQ(table().find(0xd, 0, 1 << 12, 0).ebx, 0u);
}

TEST_F(CpuidPageTest, TheCBitOnlyOfAnSnpGuest) {
    EXPECT_EQ(table().c_bit(), 0u);
    add(0x8000'001f, 0, {1 << 1 | 1 << 3 | 1 << 4, 51 | 1 << 6, 0, 0});
    EXPECT_EQ(table().c_bit(), 51u);
    for (const std::uint32_t eax : {0u, 1u << 1, 1u << 1 | 1u << 3, 1u << 4}) {
        page_->entries[0].eax = eax;
        EXPECT_EQ(table().c_bit(), 0u) << eax;
    }
    page_->entries[0].eax = ~0u;
    for (const std::uint32_t position : {0u, 11u, 31u, 52u, 63u}) {
        page_->entries[0].ebx = position;
        EXPECT_EQ(table().c_bit(), 0u) << position;
    }
}

TEST_F(CpuidPageTest, PagesThatAreNone) {
    EXPECT_STREQ(CpuidTable::fault(*page_), "the CPUID page is empty");
    page_->count = 65;
    EXPECT_STREQ(CpuidTable::fault(*page_), "the CPUID page counts more entries than it has room for");
    page_->count = ~0u;
    EXPECT_NE(CpuidTable::fault(*page_), nullptr);
    EXPECT_EQ(table().find(77, 0, 0, 0), CpuidValues{});
    page_->count = 0;
    add(7, 0, {1, 1, 1, 1});
    add(7, 0, {2, 2, 2, 2});
    EXPECT_STREQ(CpuidTable::fault(*page_), "the CPUID page lists a leaf twice");
    page_->entries[1].subleaf = 1;
    EXPECT_EQ(CpuidTable::fault(*page_), nullptr);
}

}  // namespace
}  // namespace enclavisor::kernel::testing
