#include "host/lib/link.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

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

TEST(IoPool, WindowsAreDisjointAndComeBack) {
    constexpr std::uint64_t kEnd = 8 << 20;
    IoPool pool{kEnd};
    std::map<std::uint64_t, std::uint64_t> seen;
    for (std::uint64_t pages = 1;; pages = pages * 2 % 97) {
        const auto window = pool.allocate(pages);
        if (!window) break;
        EXPECT_GE(window.value(), abi::kIoPoolOffset);
        EXPECT_LE(window.value() + pages * abi::kPageSize, kEnd);
        ASSERT_TRUE(seen.emplace(window.value(), pages * abi::kPageSize).second);
    }
    std::uint64_t end = 0;
    for (const auto& [offset, size] : seen) {
        EXPECT_GE(offset, end);
        end = offset + size;
    }
    std::uint64_t visited = 0;
    pool.for_each_used([&](std::uint64_t offset, std::uint64_t size) { visited += seen.at(offset) == size; });
    EXPECT_EQ(visited, seen.size());
    const auto middle = std::next(seen.begin(), 3);
    pool.free(middle->first);
    EXPECT_EQ(pool.allocate(middle->second / abi::kPageSize).value(), middle->first);
}

TEST(Link, ClearedMemoryIsZero) {
    const auto link = Link::create(8 << 20, 0);
    ASSERT_TRUE(link);
    const auto bytes = link.value().bytes().subspan(abi::kIoPoolOffset, 3 * abi::kPageSize);
    std::fill(bytes.begin(), bytes.end(), std::byte{7});
    link.value().clear(abi::kIoPoolOffset + abi::kPageSize, abi::kPageSize);
    EXPECT_EQ(bytes[abi::kPageSize - 1], std::byte{7});
    EXPECT_EQ(bytes[abi::kPageSize], std::byte{0});
    EXPECT_EQ(bytes[2 * abi::kPageSize - 1], std::byte{0});
    EXPECT_EQ(bytes[2 * abi::kPageSize], std::byte{7});
}

}  // namespace
}  // namespace enclavisor::host
