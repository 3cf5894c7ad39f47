#include "host/lib/manifest.hpp"

#include <gtest/gtest.h>

namespace enclavisor::host {
namespace {

Manifest accepted(std::string_view text) {
    auto result = parse_manifest(text, "m.toml");
    EXPECT_TRUE(result) << result.error().text();
    return result ? result.take() : Manifest{};
}

std::string refusal(std::string_view text) {
    const auto result = parse_manifest(text, "m.toml");
    if (result) return "accepted";
    EXPECT_FALSE(result.error().cure.empty());
    return result.error().text();
}

TEST(Manifest, Everything) {
    const Manifest m = accepted(R"(
entrypoint = "file:bin/app"
argv = ["app", "-x"]
insecure__use_host_identity = true
[env]
LANG = "C"
HOME = { passthrough = true }
TERM = { passthrough = false }
[loader]
uid = 1000
gid = 100
[enclave]
memory_limit = "64M"
stack_size = "1M"
threads = 1
debug = false
[[fs.mounts]]
type = "trusted"
path = "/usr/"
uri = "file:usr"
[[fs.mounts]]
type = "tmpfs"
path = "/tmp"
[[fs.mounts]]
type = "insecure__passthrough"
path = "/data"
uri = "/srv/data"
)");
    EXPECT_EQ(m.entrypoint, "bin/app");
    EXPECT_EQ(m.argv, (std::vector<std::string>{"app", "-x"}));
    EXPECT_EQ(m.environment, std::vector<std::string>{"LANG=C"});
    EXPECT_EQ(m.environment_from_host, std::vector<std::string>{"HOME"});
    EXPECT_TRUE(m.host_identity);
    EXPECT_FALSE(m.host_environment);
    EXPECT_EQ(m.uid, 1000u);
    EXPECT_EQ(m.gid, 100u);
    EXPECT_EQ(m.memory_limit, 64u << 20);
    EXPECT_EQ(m.stack_size, 1u << 20);
    ASSERT_EQ(m.mounts.size(), 3u);
    EXPECT_EQ(m.mounts[0].type, abi::MountType::kTrusted);
    EXPECT_EQ(m.mounts[0].path, "/usr");
    EXPECT_EQ(m.mounts[0].uri, "usr");
    EXPECT_EQ(m.mounts[2].uri, "/srv/data");
}

TEST(Manifest, GramineSpellings) {
    const Manifest m = accepted(
        "loader.entrypoint = 'a'\nloader.insecure__use_cmdline_argv = true\n"
        "loader.env.A = '1'\nloader.insecure__use_host_env = true\n");
    EXPECT_EQ(m.entrypoint, "a");
    EXPECT_TRUE(m.host_arguments);
    EXPECT_TRUE(m.host_environment);
    EXPECT_EQ(m.environment, std::vector<std::string>{"A=1"});
}

TEST(Manifest, WrongKeysAreNamedWithTheirPlace) {
    EXPECT_EQ(refusal("entrypoint = 'a'\n\n[enclave]\n  memory_limt = '1G'\n"),
              "m.toml:4:3: unknown key 'enclave.memory_limt' (did you mean 'enclave.memory_limit'?)");
    EXPECT_EQ(refusal("entrypoin = 'a'"), "m.toml:1:1: unknown key 'entrypoin' (did you mean 'entrypoint'?)");
    EXPECT_EQ(refusal("zzzzzzzzzz = 1"),
              "m.toml:1:1: unknown key 'zzzzzzzzzz' (see docs/manifest.md for the keys)");
    EXPECT_EQ(refusal("entrypoint='a'\nsgx.debug = true"), "m.toml:2:1: 'sgx' is about SGX (remove it)");
    EXPECT_EQ(refusal("entrypoint='a'\n[[fs.mounts]]\ntyp = 'tmpfs'"),
              "m.toml:3:1: unknown key 'fs.mounts.typ' (did you mean 'fs.mounts.type'?)");
    EXPECT_EQ(refusal("entrypoint='a'\nenv.A = { passthru = true }"),
              "m.toml:2:11: unknown key 'env.A.passthru' (did you mean 'env.A.passthrough'?)");
}

TEST(Manifest, WrongTypes) {
    EXPECT_EQ(refusal("entrypoint = 3"),
              "m.toml:1:1: 'entrypoint' has the wrong type (give a string in quotes)");
    EXPECT_EQ(
        refusal("entrypoint='a'\nenclave.memory_limit = 5"),
        "m.toml:2:9: 'enclave.memory_limit' has the wrong type (give a size such as \"256M\" or \"1G\")");
    EXPECT_EQ(refusal("entrypoint='a'\nenclave = 5"),
              "m.toml:2:1: 'enclave' has the wrong type (give a table)");
    EXPECT_EQ(refusal("entrypoint='a'\nargv = ['a', 2]"),
              "m.toml:2:14: 'argv' has the wrong type (give a string in quotes)");
    EXPECT_EQ(refusal("entrypoint='a'\ninsecure__use_host_env = 'yes'"),
              "m.toml:2:1: 'insecure__use_host_env' has the wrong type (give true or false)");
}

TEST(Manifest, Contradictions) {
    EXPECT_NE(refusal("argv = ['a']").find("no entrypoint"), std::string::npos);
    EXPECT_NE(refusal("entrypoint='a'\nargv=['a']\ninsecure__use_host_argv=true").find("both argv and"),
              std::string::npos);
    EXPECT_NE(refusal("entrypoint='a'\nenclave.threads = 0").find("without threads"), std::string::npos);
    EXPECT_NE(refusal("entrypoint='a'\nenclave.threads = 65").find("from 0 to 64"), std::string::npos);
    EXPECT_NE(refusal("entrypoint='a'\nenclave.debug = true").find("do not exist yet"), std::string::npos);
    EXPECT_NE(refusal("entrypoint='a'\nargv=[\"a\\u0000b\"]").find("zero byte"), std::string::npos);
}

TEST(Manifest, Mounts) {
    const std::string head = "entrypoint='a'\n[[fs.mounts]]\n";
    EXPECT_EQ(refusal(head + "type='trustd'\npath='/a'"),
              "m.toml:3:1: there is no mount type 'trustd' (did you mean trusted?)");
    EXPECT_NE(refusal(head + "type='tmpfs'\npath='a'").find("not an absolute path"), std::string::npos);
    EXPECT_NE(refusal(head + "type='tmpfs'\npath='/a'\nuri='b'").find("a tmpfs has no uri"),
              std::string::npos);
    EXPECT_NE(refusal(head + "type='trusted'\npath='/a'").find("has no uri"), std::string::npos);
    EXPECT_NE(refusal(head + "path='/a'").find("has no type"), std::string::npos);
    EXPECT_NE(refusal(head + "type='trusted'\npath='/a'\nuri='http://x'").find("is not a file"),
              std::string::npos);
    EXPECT_NE(
        refusal(head + "type='tmpfs'\npath='/a'\n[[fs.mounts]]\ntype='tmpfs'\npath='/a/'").find("twice"),
        std::string::npos);
}

TEST(Manifest, AllMistakesAreFoundInTheirOrder) {
    std::vector<ManifestMistake> mistakes;
    const Manifest m = read_manifest(
        "[enclave]\nthreads = 0\nmemory_limt = '1G'\nargv = ['a']\nenv.A = 'b'\n"
        "[[fs.mounts]]\ntype = 'tmpfs'\n[[fs.mounts]]\ntype = 'tmpfs'\npath = '/t'\n",
        mistakes);
    std::vector<std::size_t> lines;
    for (const ManifestMistake& mistake : mistakes) lines.push_back(mistake.at.line);
    EXPECT_EQ(lines, (std::vector<std::size_t>{2, 3, 6, 0}));
    EXPECT_EQ(mistakes.back().cause, "no entrypoint");
    ASSERT_EQ(m.mounts.size(), 1u);
    EXPECT_EQ(m.mounts[0].at.line, 8u);
    EXPECT_EQ(m.places.at("argv").line, 4u);
    EXPECT_EQ(m.places.at("env.A").line, 5u);
    EXPECT_EQ(m.places.at("env.A").column, 5u);
}

TEST(Manifest, BrokenToml) {
    EXPECT_TRUE(refusal("entrypoint = ").starts_with("m.toml:1:")) << refusal("entrypoint = ");
    EXPECT_TRUE(refusal("a = 1\na = 2").starts_with("m.toml:2:"));
}

TEST(Manifest, AGroupNamesItsMembersAndNothingElse) {
    const auto group = parse_manifest("[group]\nmembers = [\"a.toml\", \"b.toml\"]\n", "g.toml");
    ASSERT_TRUE(group.ok()) << group.error().text();
    EXPECT_EQ(group.value().group_members.size(), 2u);
    EXPECT_FALSE(parse_manifest("[group]\nmembers = []\n", "g.toml").ok());
    const auto both = parse_manifest("entrypoint = \"file:x\"\n[group]\nmembers = [\"a.toml\"]\n", "g.toml");
    ASSERT_FALSE(both.ok());
    EXPECT_NE(both.error().text().find("g.toml:3:"), std::string::npos) << both.error().text();
}

TEST(Manifest, WhatTheHostMayStart) {
    const std::string mounts =
        "entrypoint = 'a'\n"
        "fs.mounts = [{ type = 'trusted', path = '/usr', uri = '/usr' }, { type = 'tmpfs', path = '/usr/tmp' "
        "},\n"
        "             { type = 'insecure__passthrough', path = '/data', uri = '/data' }]\n";
    const Manifest m =
        accepted(mounts + "exec.allow = ['/usr/bin/x', ['/usr//bin/y', '-a', ''], ['/usr/z']]\n");
    EXPECT_EQ(m.may_execute,
              (std::vector<MayExecute>{
                  {false, {"/usr/bin/x"}}, {true, {"/usr/bin/y", "-a", ""}}, {true, {"/usr/z"}}}));
    const auto refused = [&](const std::string& list) {
        return refusal(mounts + "exec.allow = " + list + "\n");
    };
    for (const char* path : {"/bin/sh", "/usr/tmp/x", "/data/x", "/usrx"}) {
        EXPECT_EQ(refused("['" + std::string{path} + "']"),
                  "m.toml:4:6: '" + std::string{path} +
                      "' is not in a trusted mount (give it one: what the host may start must be measured)");
    }
    EXPECT_EQ(refused("['bin/x']"), "m.toml:4:15: 'exec.allow' is not an absolute path (begin it with /)");
    for (const char* list : {"'/usr/x'", "[1]", "[[]]", "[['/usr/x', 1]]", "[[['/usr/x']]]", "true"})
        EXPECT_NE(refused(list).find("'exec.allow' has the wrong type"), std::string::npos) << refused(list);
}

TEST(Manifest, ThePointToFreezeAt) {
    const auto manifest = parse_manifest("entrypoint = \"file:x\"\nenclave.freeze = \"input\"\n", "f.toml");
    ASSERT_TRUE(manifest.ok()) << manifest.error().text();
    EXPECT_TRUE(manifest.value().freeze_at_input);
    EXPECT_FALSE(parse_manifest("entrypoint = \"file:x\"\nenclave.freeze = \"main\"\n", "f.toml").ok());
}

}  // namespace
}  // namespace enclavisor::host
