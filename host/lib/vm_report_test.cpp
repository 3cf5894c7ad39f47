#include "host/lib/vm_report.hpp"

#include <gtest/gtest.h>

#include <set>

namespace enclavisor::host {
namespace {

TEST(VmReport, DataIsUpTo64BytesInHexadecimal) {
    const auto some = parse_report_data("0123aBcD");
    ASSERT_TRUE(some.ok());
    EXPECT_EQ(some.value()[1], std::byte{0x23});
    EXPECT_EQ(some.value()[3], std::byte{0xcd});
    EXPECT_EQ(some.value()[4], std::byte{0});
    EXPECT_TRUE(parse_report_data("").ok());
    EXPECT_TRUE(parse_report_data(std::string(128, 'f')).ok());
    for (const std::string& none : {std::string(130, 'f'), std::string{"abc"}, std::string{"0x12"}})
        EXPECT_FALSE(parse_report_data(none).ok()) << none;
}

TEST(VmReport, EveryRefusalHasANameOfItsOwn) {
    std::set<std::string> names;
    for (std::uint64_t i = 0; i < abi::kMessageRefusals; i++)
        names.insert(describe(static_cast<abi::MessageRefusal>(i), 0));
    EXPECT_EQ(names.size(), abi::kMessageRefusals);
    for (const std::string& name : names) EXPECT_EQ(name.find("unknown"), std::string::npos) << name;
    EXPECT_NE(describe(static_cast<abi::MessageRefusal>(abi::kMessageRefusals), 0).find("unknown"),
              std::string::npos);
}

// What came first is told again; a number that says so of itself does not go round.
TEST(VmReport, AClosedKeySaysWhatClosedIt) {
    const auto closed = [](std::uint64_t first) { return describe(abi::MessageRefusal::kClosed, first); };
    EXPECT_NE(closed(static_cast<std::uint64_t>(abi::MessageRefusal::kTag))
                  .find("the secure processor did not write"),
              std::string::npos);
    EXPECT_NE(closed(static_cast<std::uint64_t>(abi::MessageRefusal::kClosed)).find("a failure"),
              std::string::npos);
    EXPECT_NE(closed(~0ull).find("a failure"), std::string::npos);
}

}  // namespace
}  // namespace enclavisor::host
