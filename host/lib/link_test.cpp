#include "host/lib/link.hpp"

#include <gtest/gtest.h>

#include <set>

namespace enclavisor::host {
namespace {

TEST(Link, HeaderIsFilledIn) {
    const auto link = Link::create(16 << 20, 2'500'000);
    ASSERT_TRUE(link) << link.error().text();
    const abi::LinkHeader& header = link.value().header();
    EXPECT_EQ(header.magic, abi::kLinkMagic);
    EXPECT_EQ(header.version, abi::kLinkVersion);
    EXPECT_EQ(header.size, 16u << 20);
    EXPECT_EQ(header.tsc_khz, 2'500'000u);
    EXPECT_EQ(link.value().bytes().size(), 16u << 20);
}

TEST(Link, SizesThatAreRefused) {
    for (const std::uint64_t size : {0ull, 4096ull, 12ull << 20, 512ull << 20})
        EXPECT_FALSE(Link::create(size, 0));
}

TEST(IoPool, AreasAreDisjointAndComeBack) {
    IoPool pool{8 << 20};
    std::set<std::uint64_t> seen;
    for (std::size_t i = 0; i < pool.capacity(); i++) {
        const auto area = pool.allocate();
        ASSERT_TRUE(area);
        EXPECT_TRUE(seen.insert(area.value()).second);
        EXPECT_LE(area.value() + IoPool::kAreaSize, 8u << 20);
    }
    EXPECT_FALSE(pool.allocate());
    pool.free(*seen.begin());
    EXPECT_EQ(pool.allocate().value(), *seen.begin());
}

}  // namespace
}  // namespace enclavisor::host
