#include "host/lib/start_info.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "abi/enclave/config.hpp"

namespace enclavisor::host {
namespace {

TEST(StartInfo, StringsStandInOrder) {
    std::vector<std::byte> data(4096);
    ASSERT_TRUE(write_start_info(
        data, {.arguments = {"a", ""}, .environment = {"X=1"}, .verbose = true, .directory = "/d"}));
    abi::StartInfo info;
    std::memcpy(&info, data.data(), sizeof(info));
    EXPECT_EQ(info.magic, abi::kStartMagic);
    EXPECT_EQ(info.argument_count, 2u);
    EXPECT_EQ(info.environment_count, 1u);
    EXPECT_EQ(info.flags, abi::kStartVerbose);
    EXPECT_EQ(info.pid, static_cast<std::uint32_t>(::getpid()));
    const std::string strings{reinterpret_cast<const char*>(data.data()) + sizeof(info),
                              info.size - sizeof(info)};
    EXPECT_TRUE(strings.starts_with(std::string("a\0\0X=1\0/d\0", 10)));
    EXPECT_EQ(strings.back(), '\0');
}

TEST(StartInfo, TooMuchIsRefused) {
    std::vector<std::byte> data(256);
    EXPECT_FALSE(
        write_start_info(data, {.arguments = {std::string(300, 'x')}, .environment = {}, .directory = ""}));
}

}  // namespace
}  // namespace enclavisor::host
