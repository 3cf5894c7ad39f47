#include "runtime/host/checks.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace enclavisor::runtime {
namespace {

std::vector<std::byte> record(std::string_view name, std::uint16_t size) {
    std::vector<std::byte> bytes(size);
    std::memcpy(bytes.data() + 16, &size, 2);
    std::memcpy(bytes.data() + 19, name.data(), name.size());
    return bytes;
}

TEST(DirectoryEntries, GoodOnesPass) {
    auto bytes = record("a", 24);
    const auto more = record("longer-name", 32);
    bytes.insert(bytes.end(), more.begin(), more.end());
    EXPECT_TRUE(directory_entries_valid(bytes));
    EXPECT_TRUE(directory_entries_valid({}));
}

TEST(DirectoryEntries, LiesDoNot) {
    EXPECT_FALSE(directory_entries_valid(record("", 24)));
    EXPECT_FALSE(directory_entries_valid(record("a/b", 24)));
    EXPECT_FALSE(directory_entries_valid(record("12345", 24)));  // no zero
    auto bytes = record("a", 24);
    for (const std::uint16_t size : {0, 8, 16, 23, 25, 32, 65528}) {
        std::memcpy(bytes.data() + 16, &size, 2);
        EXPECT_FALSE(directory_entries_valid(bytes)) << size;
    }
    EXPECT_FALSE(directory_entries_valid(std::span{bytes}.first(10)));
    EXPECT_FALSE(directory_entries_valid(record(std::string(256, 'n'), 280)));
}

std::vector<std::byte> event(std::string_view name, std::uint32_t size) {
    std::vector<std::byte> bytes(16 + name.size());
    std::memcpy(bytes.data() + 12, &size, 4);
    std::memcpy(bytes.data() + 16, name.data(), name.size());
    return bytes;
}

TEST(InotifyEvents, GoodOnesPassAndLiesDoNot) {
    using namespace std::string_view_literals;
    constexpr auto kName = "a-name\0\0\0\0\0\0\0\0\0\0"sv;
    auto bytes = event("", 0);
    const auto more = event(kName, 16);
    bytes.insert(bytes.end(), more.begin(), more.end());
    EXPECT_TRUE(inotify_events_valid(bytes));
    EXPECT_TRUE(inotify_events_valid({}));
    for (std::size_t size = 1; size < bytes.size(); size++) {
        EXPECT_EQ(inotify_events_valid(std::span{bytes}.first(size)), size == 16) << size;
    }
    for (const std::uint32_t size : {1u, 15u, 17u, 32u, 0x80000000u, ~0u, ~15u}) {
        EXPECT_FALSE(inotify_events_valid(event(kName, size))) << size;
    }
    EXPECT_FALSE(inotify_events_valid(event("sixteen-letters!", 16)));
    EXPECT_FALSE(inotify_events_valid(event("a/b\0\0\0\0\0\0\0\0\0\0\0\0\0"sv, 16)));
}

TEST(WorkingDirectory, MustBeOneAbsolutePath) {
    using namespace std::string_view_literals;
    EXPECT_TRUE(working_directory_valid("/\0"sv));
    EXPECT_TRUE(working_directory_valid("/a/b\0"sv));
    EXPECT_FALSE(working_directory_valid("/a"sv));
    EXPECT_FALSE(working_directory_valid("a\0"sv));
    EXPECT_FALSE(working_directory_valid("/a\0b\0"sv));
    EXPECT_FALSE(working_directory_valid("\0"sv));
    EXPECT_FALSE(working_directory_valid(""sv));
}

TEST(Stat, SizesMustBePossible) {
    struct stat info {};
    info.st_blksize = 4096;
    EXPECT_TRUE(stat_valid(info));
    info.st_size = -1;
    EXPECT_FALSE(stat_valid(info));
    info.st_size = 0;
    for (const blksize_t size : {blksize_t{0}, blksize_t{-1}, blksize_t{1} << 40}) {
        info.st_blksize = size;
        EXPECT_FALSE(stat_valid(info)) << size;
    }
}

}  // namespace
}  // namespace enclavisor::runtime
