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

TEST(Text, DidYouMean) {
    EXPECT_EQ(did_you_mean("tursted", {"trusted", "tmpfs"}), "trusted");
    EXPECT_FALSE(did_you_mean("elephant", {"trusted", "tmpfs"}));
}

}  // namespace
}  // namespace enclavisor::host
