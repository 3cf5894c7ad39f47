#include "host/lib/text.hpp"

#include <gtest/gtest.h>

namespace enclavisor::host {
namespace {

TEST(Text, Sizes) {
    EXPECT_EQ(parse_size("4096"), 4096u);
    EXPECT_EQ(parse_size("64K"), 65536u);
    EXPECT_EQ(parse_size("512MiB"), 512u << 20);
    EXPECT_EQ(parse_size("2GB"), 2ull << 30);
    for (const char* bad :
         {"", "M", "-1", "1X", "1Mi", "99999999999999999999", "18446744073709551615K", "1 M"}) {
        EXPECT_FALSE(parse_size(bad)) << bad;
    }
    EXPECT_EQ(format_size(512u << 20), "512M");
    EXPECT_EQ(format_size(3ull << 30), "3G");
    EXPECT_EQ(format_size(4097), "4097");
}

TEST(Text, HexAndNumbers) {
    EXPECT_EQ(parse_hex("00ffA5"), (std::vector{std::byte{0}, std::byte{0xff}, std::byte{0xa5}}));
    EXPECT_EQ(parse_hex(""), std::vector<std::byte>{});
    for (const char* bad : {"0", "0g", "g0", "0x", " 0", "-1", "+1"}) EXPECT_FALSE(parse_hex(bad)) << bad;
    EXPECT_EQ(parse_number("0x30000"), 0x30000u);
    EXPECT_EQ(parse_number("12"), 12u);
    EXPECT_EQ(parse_number("18446744073709551615"), ~0ull);
    for (const char* bad : {"", "0x", "1x", "-1", " 1", "0x-1", "18446744073709551616"})
        EXPECT_FALSE(parse_number(bad)) << bad;
}

TEST(Text, DidYouMean) {
    EXPECT_EQ(did_you_mean("tursted", {"trusted", "tmpfs"}), "trusted");
    EXPECT_FALSE(did_you_mean("elephant", {"trusted", "tmpfs"}));
}

}  // namespace
}  // namespace enclavisor::host
