#include "host/tools/facts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace enclavisor::host {
namespace {

Package package() {
    Description d;
    d.program.path = "/bin/app";
    Configuration& c = d.configuration;
    c.options.memory_limit = 64 << 20;
    c.executable = "/bin/app";
    c.arguments = {"app", "a\nb"};
    c.environment = {"A=1", "EMPTY="};
    c.environment_from_host = {"TZ"};
    c.mounts = {{abi::MountType::kTmpfs, "/tmp", ""}};
    TrustedFile file{};
    file.path = "/etc/f";
    file.size = 5;
    file.mode = 0444;
    c.trusted_files = {file};
    c.trusted_links = {{"/etc/l", "f"}};
    Package p;
    p.enclaves = {d};
    return p;
}

std::string changes(const Package& after) {
    return text_of(differences(package(), after));
}

TEST(Facts, TheTableHasALineForEach) {
    const std::string table = table_of(package());
    EXPECT_EQ(static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n')),
              facts_of(package()).size());
    for (const char* word : {"/bin/app", "64M", "\"a\\nb\"", "EMPTY  \"\"", "TZ of the host  unchecked",
                             "/tmp  tmpfs", "/etc/f  0000", "444 5 bytes", "/etc/l  to f"}) {
        EXPECT_NE(table.find(word), std::string::npos) << word << " in\n" << table;
    }
}

TEST(Facts, TheSameIsNoDifference) {
    EXPECT_EQ(changes(package()), "");
    EXPECT_EQ(json_of({}).dump(), "{\"differences\":[],\"same\":true}");
}

TEST(Facts, WhatIsAddedRemovedAndChanged) {
    Package p = package();
    Configuration& c = p.enclaves[0].configuration;
    c.environment = {"A=2", "B=3"};
    c.mounts.clear();
    c.trusted_files[0].root[0] = std::byte{1};
    c.options.flags = abi::kHostIdentity;
    const std::string zeros(62, '0');
    EXPECT_EQ(changes(p),
              "~ identity: user 0, group 0 -> the host's, and its working directory\n"
              "~ environment A: \"1\" -> \"2\"\n"
              "- environment EMPTY: \"\"\n"
              "- mount /tmp: tmpfs\n"
              "~ trusted file /etc/f: 00" +
                  zeros + " 444 5 bytes -> 01" + zeros +
                  " 444 5 bytes\n"
                  "+ environment B: \"3\"\n");
    const auto json = json_of(differences(package(), p));
    EXPECT_FALSE(json.at("same").get<bool>());
    EXPECT_EQ(json.at("differences").at(2).dump(),
              "{\"before\":\"\\\"\\\"\",\"what\":\"environment EMPTY\"}");
}

TEST(Facts, MembersOfAGroupAreToldApart) {
    Package group = package();
    group.is_group = true;
    group.enclaves.push_back(package().enclaves[0]);
    Package other = group;
    other.enclaves[1].configuration.executable = "/x";
    EXPECT_EQ(text_of(differences(group, other)), "~ member 2 executable: /bin/app -> /x\n");
}

// What changes the measurement shows.
TEST(Facts, NothingThatIsMeasuredIsLeftOut) {
    const auto measured = [](const Package& p) { return serialise(p.enclaves[0].configuration, {}); };
    const auto expect_shown = [&](const char* what, const std::function<void(Configuration&)>& change) {
        Package p = package();
        change(p.enclaves[0].configuration);
        ASSERT_NE(measured(p), measured(package())) << what;
        EXPECT_NE(changes(p), "") << what;
    };
    expect_shown("freeze", [](auto& c) { c.options.flags |= abi::kFreezeAtInput; });
    expect_shown("exec", [](auto& c) { c.options.flags |= abi::kHostExecutes; });
    expect_shown("program", [](auto& c) { c.may_execute = {{false, {"/bin/ls"}}}; });
    expect_shown("fixed", [](auto& c) { c.may_execute = {{true, {"/bin/ls"}}}; });
    expect_shown("arguments", [](auto& c) { c.options.flags |= abi::kHostArguments; });
    expect_shown("environment", [](auto& c) { c.options.flags |= abi::kHostEnvironment; });
    expect_shown("stack", [](auto& c) { c.options.stack_size = 4096; });
    expect_shown("threads", [](auto& c) { c.options.threads = 9; });
    expect_shown("uid", [](auto& c) { c.options.uid = 9; });
    expect_shown("gid", [](auto& c) { c.options.gid = 9; });
    expect_shown("argument", [](auto& c) { c.arguments.push_back(""); });
    expect_shown("from host", [](auto& c) { c.environment_from_host.push_back("A"); });
    expect_shown("uri", [](auto& c) { c.mounts[0].uri = "/x"; });
    expect_shown("type", [](auto& c) { c.mounts[0].type = abi::MountType::kTrusted; });
    expect_shown("mode", [](auto& c) { c.trusted_files[0].mode = 0555; });
    expect_shown("link", [](auto& c) { c.trusted_links[0].target = "g"; });
}

}  // namespace
}  // namespace enclavisor::host
