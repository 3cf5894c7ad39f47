// Unmodified programs: output, exit status and files as in a native run.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <tuple>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;
using host::Platform;

std::string program(const char* name) {
    return (programs_dir() / name).string();
}
fs::path script(const char* name) {
    return source_dir() / "tests" / "programs" / name;
}

void make_fixtures(const fs::path& directory) {
    RunOptions options;
    options.directory = directory;
    options.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"};
    const auto made = run({"/bin/sh", script("fixtures.sh").string()}, options);
    ASSERT_EQ(made.status, 0) << made.err;
}

// --- Busybox ----------------------------------------------------------------

struct Applet {
    std::string name, input;
    std::vector<std::string> arguments;
};
void PrintTo(const Applet& applet, std::ostream* out) {
    *out << applet.name;
}

std::vector<Applet> applets() {
    std::vector<Applet> result;
    std::istringstream table{read_file(script("busybox_applets.tsv"))};
    for (std::string line; std::getline(table, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream fields{line};
        Applet applet;
        std::getline(fields, applet.name, '\t');
        std::getline(fields, applet.input, '\t');
        for (std::string field; std::getline(fields, field, '\t');) applet.arguments.push_back(field);
        result.push_back(applet);
    }
    return result;
}

class Busybox : public testing::TestWithParam<std::tuple<Platform, Applet>> {};

TEST_P(Busybox, IsAsNative) {
    const auto& [platform, applet] = GetParam();
    Comparison comparison;
    comparison.arguments = {"/bin/busybox"};
    comparison.arguments.insert(comparison.arguments.end(), applet.arguments.begin(), applet.arguments.end());
    if (applet.input != "-") comparison.standard_input = applet.input;
    comparison.prepare = make_fixtures;
    expect_same(platform, comparison);
}
INSTANTIATE_TEST_SUITE_P(On, Busybox, testing::Combine(kTestPlatforms, testing::ValuesIn(applets())),
                         [](const auto& p) {
                             return platform_test_name(std::get<0>(p.param)) + "_" +
                                    std::get<1>(p.param).name;
                         });

TEST(BusyboxTable, HasAtLeastSixtyApplets) {
    std::set<std::string> distinct;
    for (const auto& applet : applets()) distinct.insert(applet.arguments.at(0));
    EXPECT_GE(distinct.size(), 60u);
}

// --- The other programs -----------------------------------------------------

class Programs : public testing::TestWithParam<Platform> {};
ENCLAVISOR_ON_ALL_PLATFORMS(Programs);

void input_file(const fs::path& directory) {
    write_file(directory / "input", "first line\nsecond\nno end");
}

TEST_P(Programs, MuslStatic) {
    expect_same(GetParam(),
                {{program("libc_tour"), "7", "an argument", "", "\xff\x01"}, "input", input_file, {}});
}

TEST_P(Programs, MuslStaticPie) {
    expect_same(GetParam(), {{program("libc_tour_pie"), "0"}, "input", input_file, {}});
}

TEST_P(Programs, GlibcCxxStatic) {
    expect_same(GetParam(), {{program("cxx_tour"), "41", "two words"}, "input", input_file, {}});
}

TEST_P(Programs, GlibcCxxStaticPie) {
    expect_same(GetParam(), {{program("cxx_tour_pie"), "0"}, "input", input_file, {}});
}

TEST_P(Programs, Capabilities) {
    expect_same(GetParam(), {{program("capabilities_tour")}, "", {}, {}});
}

TEST_P(Programs, MappedFiles) {
    expect_same(GetParam(), {{program("mappings_tour")}, "", {}, {}});
}

TEST_P(Programs, BashScript) {
    const auto prepare = [](const fs::path& directory) { write_file(directory / "input", "a,b,c\nd\n,,\n"); };
    expect_same(GetParam(),
                {{"/bin/bash-static", script("script.bash").string(), "A", "b c"}, "input", prepare, {}});
}

TEST_P(Programs, SqliteWritesADatabaseThatTheHostFindsWhole) {
    Comparison comparison;
    comparison.arguments = {program("sqlite_inserts"), "database"};
    comparison.compare_files = false;  // the file holds a change counter, the rows are asked for below
    comparison.timeout = std::chrono::seconds{300};
    comparison.inspect = [](const fs::path& directory) {
        RunOptions options;
        options.directory = directory;
        options.inherit_environment = true;
        const auto check = run(
            {"sqlite3", "database", "PRAGMA integrity_check; SELECT count(*) FROM measurements;"}, options);
        EXPECT_EQ(check.out, "ok\n100000\n") << check.err;
    };
    expect_same(GetParam(), comparison);
}

}  // namespace
}  // namespace enclavisor::tests
