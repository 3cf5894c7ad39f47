#include "runtime/host/checks.hpp"

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>
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
    const std::uint32_t watch = 1;
    std::memcpy(bytes.data(), &watch, 4);
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

TEST(InotifyEvents, AreAboutAWatchOrAnOverflow) {
    auto bytes = event("", 0);
    const auto with = [&](std::uint32_t watch, std::uint32_t mask) {
        std::memcpy(bytes.data(), &watch, 4);
        std::memcpy(bytes.data() + 4, &mask, 4);
        return inotify_events_valid(bytes);
    };
    EXPECT_TRUE(with(1, 2));
    EXPECT_TRUE(with(~0u, IN_Q_OVERFLOW));
    EXPECT_FALSE(with(0, 2));
    EXPECT_FALSE(with(~0u, 2));
    EXPECT_FALSE(with(0x80000000, 2));
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
    info.st_blksize = 4096;
    for (const long nanoseconds : {-1l, 1'000'000'000l}) {
        info.st_mtim.tv_nsec = nanoseconds;
        EXPECT_FALSE(stat_valid(info)) << nanoseconds;
    }
}

TEST(Statx, SizesAndTimesMustBePossible) {
    struct statx info {};
    EXPECT_FALSE(statx_valid(info));
    info.stx_blksize = 4096;
    EXPECT_TRUE(statx_valid(info));
    info.stx_btime.tv_nsec = 1'000'000'000;
    EXPECT_FALSE(statx_valid(info));
    info.stx_btime.tv_nsec = 999'999'999;
    for (auto* size : {&info.stx_size, &info.stx_blocks}) {
        *size = 1ull << 63;
        EXPECT_FALSE(statx_valid(info));
        *size = 0;
    }
    info.stx_blksize = 1u << 31;
    EXPECT_FALSE(statx_valid(info));
}

TEST(FileSystem, BlocksMustBePossible) {
    struct statfs info {};
    EXPECT_FALSE(file_system_valid(info)) << "who divides by it ends";
    info.f_bsize = 4096;
    info.f_namelen = 255;
    EXPECT_TRUE(file_system_valid(info));
    info.f_frsize = -1;
    EXPECT_FALSE(file_system_valid(info));
    info.f_frsize = 4096;
    info.f_namelen = 1 << 20;
    EXPECT_FALSE(file_system_valid(info));
}

TEST(LinkTargets, AreTextThatDoesNotEndWithin) {
    using namespace std::string_view_literals;
    EXPECT_TRUE(link_target_valid("../a b"sv));
    EXPECT_FALSE(link_target_valid(""sv));
    EXPECT_FALSE(link_target_valid("a\0b"sv));
    EXPECT_FALSE(link_target_valid("a\0"sv));
}

TEST(Locks, StandInTheWayOrAreFree) {
    const auto valid = [](short type, std::int64_t start, std::int64_t length, pid_t pid = -1,
                          short whence = SEEK_SET) {
        struct flock lock {};
        lock.l_type = type;
        lock.l_whence = whence;
        lock.l_start = start;
        lock.l_len = length;
        lock.l_pid = pid;
        return lock_valid(lock, 100, 50);
    };
    EXPECT_TRUE(valid(F_UNLCK, 100, 50));
    EXPECT_TRUE(valid(F_RDLCK, 0, 0, 77));
    EXPECT_TRUE(valid(F_WRLCK, 149, 1));
    EXPECT_TRUE(valid(F_WRLCK, 0, INT64_MAX));
    EXPECT_FALSE(valid(F_WRLCK, 150, 1));
    EXPECT_FALSE(valid(F_WRLCK, 0, 100));
    EXPECT_FALSE(valid(F_WRLCK, -1, 1000));
    EXPECT_FALSE(valid(F_WRLCK, 0, -1));
    EXPECT_FALSE(valid(F_WRLCK, 1, INT64_MAX));
    EXPECT_FALSE(valid(F_WRLCK, 100, 50, -2));
    EXPECT_FALSE(valid(F_WRLCK, 100, 50, -1, SEEK_END));
    EXPECT_FALSE(valid(3, 100, 50));
    struct flock all {};
    all.l_type = F_WRLCK;
    all.l_start = 1ll << 40;
    EXPECT_TRUE(lock_valid(all, 0, 0));
}

TEST(SocketAddresses, AreWhole) {
    const auto valid = [](sa_family_t family, std::size_t size) {
        std::byte bytes[128]{};
        std::memcpy(bytes, &family, sizeof family);
        return socket_address_valid(std::span{bytes}.first(size));
    };
    EXPECT_TRUE(valid(AF_INET, 16));
    EXPECT_TRUE(valid(AF_INET6, 28));
    EXPECT_TRUE(valid(AF_UNIX, 2));
    EXPECT_TRUE(valid(AF_UNIX, 111));
    EXPECT_TRUE(valid(AF_NETLINK, 12));
    for (const std::size_t size : {0, 1, 2, 15, 17, 28, 128}) EXPECT_FALSE(valid(AF_INET, size)) << size;
    EXPECT_FALSE(valid(AF_INET6, 16));
    EXPECT_FALSE(valid(AF_UNIX, 112));
    EXPECT_FALSE(valid(AF_UNIX, 1));
}

TEST(SocketErrors, AreNumbersOfErrors) {
    for (const auto& [error, good] : {std::pair{0, true}, {111, true}, {-1, false}, {4095, false}}) {
        EXPECT_EQ(socket_error_valid(std::as_bytes(std::span{&error, 1})), good) << error;
    }
    EXPECT_TRUE(socket_error_valid({}));
}

}  // namespace
}  // namespace enclavisor::runtime
