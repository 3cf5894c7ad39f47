#include "host/lib/base64.hpp"

#include <gtest/gtest.h>

namespace enclavisor::host {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
}

// RFC 4648, 10.
TEST(Base64, BothWays) {
    const std::pair<const char*, const char*> known[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : known) {
        EXPECT_EQ(to_base64(bytes_of(plain)), encoded);
        EXPECT_EQ(from_base64(encoded), bytes_of(plain)) << encoded;
    }
    EXPECT_EQ(from_base64("Zm9v\r\nYmFy\n"), bytes_of("foobar"));
}

TEST(Base64, SomethingElse) {
    for (const char* text :
         {"Z", "Zg", "Zg=", "Zg===", "====", "Z===", "Zg=a", "=Zg=", "Zm9v!mFy", "Zm9vYg==Zg=="})
        EXPECT_EQ(from_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace enclavisor::host
