#include "runtime/config/start_info.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace enclavisor::runtime {
namespace {

std::vector<std::byte> build(abi::StartInfo info, std::string_view strings) {
    info.magic = abi::kStartMagic;
    info.size = static_cast<std::uint32_t>(sizeof(info) + strings.size());
    std::vector<std::byte> bytes(info.size);
    std::memcpy(bytes.data(), &info, sizeof(info));
    std::memcpy(bytes.data() + sizeof(info), strings.data(), strings.size());
    return bytes;
}

using namespace std::string_view_literals;

TEST(StartInfo, GoodOnePasses) {
    abi::StartInfo info{};
    info.argument_count = 2;
    info.environment_count = 1;
    info.pid = 77;
    info.umask = 022;
    const auto start = parse_start(build(info, "prog\0arg\0A=1\0/home\0host\0"sv));
    ASSERT_TRUE(start);
    EXPECT_EQ(start->arguments[1], "arg");
    EXPECT_EQ(start->environment[0], "A=1");
    EXPECT_EQ(start->directory, "/home");
    EXPECT_EQ(start->host_name, "host");
    EXPECT_EQ(start->info.pid, 77u);
    EXPECT_EQ(start->info.ppid, 1u);
}

TEST(StartInfo, NumbersAreBroughtIntoRange) {
    abi::StartInfo info{};
    info.pid = ~0u;
    info.umask = ~0u;
    info.wall_ns = ~0ull;
    const auto start = parse_start(build(info, "relative\0\0"sv));
    ASSERT_TRUE(start);
    EXPECT_EQ(start->info.pid, 2u);
    EXPECT_EQ(start->info.umask, 0777u);
    EXPECT_EQ(start->info.wall_ns, 0u);
    EXPECT_EQ(start->directory, "/");
    EXPECT_EQ(start->host_name, "enclave");
}

TEST(StartInfo, BrokenOnesDoNot) {
    abi::StartInfo info{};
    info.argument_count = 3;
    EXPECT_FALSE(parse_start(build(info, "a\0b\0"sv)));
    info.argument_count = ~0u;
    EXPECT_FALSE(parse_start(build(info, "a\0b\0c\0d\0"sv)));
    info.argument_count = 0;
    EXPECT_FALSE(parse_start(build(info, "/\0unterminated"sv)));
    EXPECT_FALSE(parse_start({}));
    auto bytes = build(info, "/\0h\0"sv);
    bytes[0] ^= std::byte{1};
    EXPECT_FALSE(parse_start(bytes));
    bytes = build(info, "/\0h\0"sv);
    bytes.pop_back();
    EXPECT_FALSE(parse_start(bytes));
}

TEST(StartInfo, RandomBytesNeverHurt) {
    std::mt19937 random{3};
    for (int i = 0; i < 20000; i++) {
        abi::StartInfo info{};
        info.argument_count = random() % 5;
        info.environment_count = random() % 5;
        auto bytes = build(info, "a\0bb\0c=d\0/x\0host\0more\0"sv);
        for (int k = 0; k < 3; k++) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        const auto start = parse_start(std::move(bytes));
        if (!start) continue;
        for (const auto text : start->arguments) EXPECT_EQ(text.find('\0'), std::string_view::npos);
        EXPECT_EQ(start->directory[0], '/');
    }
}

}  // namespace
}  // namespace enclavisor::runtime
