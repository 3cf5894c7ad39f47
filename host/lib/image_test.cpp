#include "host/lib/image.hpp"

#include <gtest/gtest.h>

#include "abi/host/control.hpp"
#include "abi/platform/layout.hpp"

namespace enclavisor::host {
namespace {

EnclaveImage with_limit(std::uint64_t pages) {
    EnclaveImage image;
    image.create.memory_limit = pages;
    return image;
}

TEST(Image, UnalignedSegmentIsPaddedWithZeros) {
    EnclaveImage image = with_limit(100);
    const std::vector<std::byte> contents(0x20, std::byte{7});
    ASSERT_TRUE(image.add_segment(0x401ff0, contents, 0x2100, abi::kRead));
    ASSERT_EQ(image.operations.size(), 2u);
    const auto& pages = std::get<PagesOperation>(image.operations[0]);
    EXPECT_EQ(pages.address, 0x401000u);
    ASSERT_EQ(pages.contents.size(), 0x2000u);
    EXPECT_EQ(pages.contents[0xfef], std::byte{0});
    EXPECT_EQ(pages.contents[0xff0], std::byte{7});
    EXPECT_EQ(pages.contents[0x100f], std::byte{7});
    EXPECT_EQ(pages.contents[0x1010], std::byte{0});
    const auto& zero = std::get<ZeroPagesOperation>(image.operations[1]);
    EXPECT_EQ(zero.address, 0x403000u);
    EXPECT_EQ(zero.pages, 2u);
    EXPECT_EQ(image.pages(), 4u);
}

TEST(Image, LargeZeroRangesAreSplit) {
    EnclaveImage image = with_limit(1 << 20);
    ASSERT_TRUE(image.add_segment(0x400000, {}, 100'000 * abi::kPageSize, abi::kRead | abi::kWrite));
    ASSERT_EQ(image.operations.size(), 2u);
    EXPECT_EQ(std::get<ZeroPagesOperation>(image.operations[0]).pages, 65536u);
    EXPECT_EQ(image.pages(), 100'000u);
}

TEST(Image, RangesOutsideAnEnclaveAreRefused) {
    EnclaveImage image = with_limit(~0ull);
    EXPECT_FALSE(image.add_segment(0, {}, 1, abi::kRead));
    EXPECT_FALSE(image.add_segment(abi::kEnclaveEnd, {}, 1, abi::kRead));
    EXPECT_FALSE(image.add_segment(0xffff'ffff'ffff'f000, {}, 0x2000, abi::kRead));
    EXPECT_FALSE(with_limit(1).add_segment(0x400000, {}, 0x2000, abi::kRead));
}

}  // namespace
}  // namespace enclavisor::host
