#include "runtime/config/execution.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace enclavisor::runtime {
namespace {

using Words = std::vector<std::string_view>;

std::string request(abi::ExecutionRequest head, std::string_view strings) {
    std::string bytes(sizeof(head), '\0');
    if (head.size == 0) head.size = static_cast<std::uint32_t>(sizeof(head) + strings.size());
    std::memcpy(bytes.data(), &head, sizeof(head));
    return bytes.append(strings);
}

bool parses(const std::string& bytes) {
    return parse_execution(std::as_bytes(std::span{bytes})).has_value();
}

constexpr std::string_view kTwo{"/bin/ls\0-l\0", 11};

TEST(Execution, ReadsARequest) {
    const std::string bytes = request({abi::kExecutionMagic, 0, 2, {5, 6, 7}, 0}, kTwo);
    const auto execution = parse_execution(std::as_bytes(std::span{bytes}));
    ASSERT_TRUE(execution);
    EXPECT_EQ(execution->words, (Words{"/bin/ls", "-l"}));
    EXPECT_EQ(execution->standard[2], 7);
}

TEST(Execution, RefusesWhatIsNone) {
    const abi::ExecutionRequest good{abi::kExecutionMagic, 0, 2, {5, 6, 7}, 0};
    EXPECT_FALSE(parses(""));
    EXPECT_FALSE(parses(request(good, kTwo).substr(0, sizeof(good) - 1)));
    EXPECT_FALSE(parses(request(good, kTwo) + "x")) << "longer than it says";
    EXPECT_FALSE(parses(request(good, {"/bin/ls\0-l\0x\0", 13}))) << "more words than it says";
    EXPECT_FALSE(parses(request(good, {"/bin/ls\0-l", 10}))) << "without the last zero";
    EXPECT_FALSE(parses(request(good, {"\0-l\0", 4}))) << "a program without a name";
    const auto with = [&](auto change) {
        abi::ExecutionRequest head = good;
        change(head);
        return parses(request(head, kTwo));
    };
    EXPECT_FALSE(with([](auto& head) { head.magic++; }));
    EXPECT_FALSE(with([](auto& head) { head.size = 8; }));
    EXPECT_FALSE(with([](auto& head) { head.size = ~0u; }));
    EXPECT_FALSE(with([](auto& head) { head.words = 0; }));
    EXPECT_FALSE(with([](auto& head) { head.words = 3; }));
    EXPECT_FALSE(with([](auto& head) { head.words = ~0u; }));
    EXPECT_FALSE(with([](auto& head) { head.standard[1] = -1; }));
    EXPECT_TRUE(with([](auto&) {}));
}

TEST(Execution, IsAllowedByTheConfigurationOnly) {
    Config config;
    const Words list{"ls", "-l"}, other{"ls", "-l", "/"}, alone{"ls"};
    EXPECT_FALSE(may_execute(config));
    EXPECT_FALSE(may_execute(config, "/bin/ls", list));
    config.may_execute.push_back({true, {"/bin/ls", "-l"}});
    EXPECT_TRUE(may_execute(config));
    EXPECT_TRUE(may_execute(config, "/bin/ls", list));
    EXPECT_FALSE(may_execute(config, "/bin/ls", other));
    EXPECT_FALSE(may_execute(config, "/bin/ls", alone));
    EXPECT_FALSE(may_execute(config, "/bin/ls/", list));
    EXPECT_FALSE(may_execute(config, "/usr/bin/ls", list));
    config.may_execute.push_back({true, {"/bin/ps"}});
    EXPECT_TRUE(may_execute(config, "/bin/ps", alone));
    EXPECT_FALSE(may_execute(config, "/bin/ps", list));
    config.may_execute.push_back({false, {"/bin/cat"}});
    EXPECT_TRUE(may_execute(config, "/bin/cat", other));
    EXPECT_FALSE(may_execute(config, "/bin/sh", other));
    config.may_execute.clear();
    config.options.flags = abi::kHostExecutes;
    EXPECT_TRUE(may_execute(config));
    EXPECT_TRUE(may_execute(config, "/bin/sh", other));
}

}  // namespace
}  // namespace enclavisor::runtime
