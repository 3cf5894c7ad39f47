#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "bench/figures.hpp"
#include "bench/initramfs.hpp"
#include "bench/programs.hpp"
#include "bench/results.hpp"
#include "bench/rows.hpp"

namespace enclavisor::bench {
namespace {

const Json& row_of(const Json& results, const std::string& label) {
    for (const Json& figure : results.at("figures")) {
        if (figure.at("label") == label) return figure;
    }
    throw std::runtime_error("no row " + label);
}

TEST(ReadFigures, TakesLinesOfANameAndANumberAndKeepsTheRest) {
    std::istringstream lines{"getppid 101.0\nsome: message\nstatus 0\nthree 3 words\n"};
    Figures figures;
    EXPECT_EQ(read_figures(lines, "micro", figures), "some: message; three 3 words");
    EXPECT_EQ(figures, (Figures{{"micro.getppid", 101}, {"micro.status", 0}}));
}

TEST(InitramfsTest, IsACpioArchiveOfAlignedMembers) {
    Initramfs files;
    files.add_program("init", std::as_bytes(std::span{"12345", 5}));
    files.add_file("plan", "x");
    const std::string archive = std::move(files).finish();
    ASSERT_EQ(archive.size() % 4, 0u);
    // Header of 110 bytes, the name with its zero, to a multiple of four; the contents.
    EXPECT_EQ(archive.substr(0, 6), "070701");
    EXPECT_EQ(archive.substr(14, 8), "000081ed");  // a file, 0755
    EXPECT_EQ(archive.substr(54, 8), "00000005");
    EXPECT_EQ(archive.substr(94, 8), "00000005");
    EXPECT_EQ(archive.substr(110, 5), std::string("init\0", 5));
    EXPECT_EQ(archive.substr(116, 5), "12345");
    EXPECT_EQ(archive.substr(124, 6), "070701");
    EXPECT_NE(archive.find("TRAILER!!!"), std::string::npos);
}

TEST(Rows, HaveLabelsOfTheirOwnAndNamePrograms) {
    std::set<std::string> labels, names{"boot", "kernel_call", "redis", "nginx", "sqlite-durable"};
    for (const Program& program : programs()) EXPECT_TRUE(names.insert(program.name).second) << program.name;
    for (const Row& row : rows()) {
        EXPECT_TRUE(labels.insert(row.label).second) << row.label;
        for (const std::string& figure : {row.enclave, row.linux_guest}) {
            EXPECT_TRUE(figure.empty() || names.contains(figure.substr(0, figure.find('.')))) << figure;
        }
    }
}

TEST(ToJson, TellsNotYetFromHasNone) {
    Results results;
    results.enclave["plain"] = {{"micro.getppid", 100.96}, {"micro.mmap_munmap", 2611.4}};
    const Json json = to_json(results, {});
    EXPECT_EQ(row_of(json, "null call (`getppid`)").at("enclave"), (Json{{"plain", 101.0}}));
    EXPECT_EQ(row_of(json, "`mmap` + `munmap` of 4 KiB").at("enclave"), (Json{{"plain", 2611}}));
    EXPECT_EQ(row_of(json, "copy-on-write fault").at("enclave"), (Json{{"plain", nullptr}}));
    EXPECT_EQ(row_of(json, "null kernel call").at("linux"), Json::object());
    EXPECT_FALSE(json.contains("linux_guest"));
}

TEST(ToJson, WithoutAKernelTheLinuxGuestIsTheRecordedOne) {
    Results first;
    first.enclave["plain"] = {};
    first.linux_guest["default"] = {{"micro.getppid", 357}};
    first.linux_version = "6.1";
    const Json recorded = to_json(first, {});
    EXPECT_EQ(recorded.at("linux_guest").at("measured"), "in this run");
    Results second;
    second.enclave["plain"] = {{"micro.getppid", 101}};
    const Json json = to_json(second, recorded);
    EXPECT_EQ(json.at("linux_guest").at("measured"), "earlier, recorded");
    EXPECT_EQ(json.at("linux_guest").at("kernel"), "6.1");
    EXPECT_EQ(row_of(json, "null call (`getppid`)").at("linux"), (Json{{"default", 357.0}}));
    // One that was recorded without it stays so.
    EXPECT_EQ(row_of(json, "copy-on-write fault").at("linux"), (Json{{"default", nullptr}}));
}

TEST(Disagreements, NameTheWorldThatComputedSomethingElse) {
    Results results;
    results.enclave["plain"] = {{"lua.check", 5}, {"lua.total", 1}};
    results.linux_guest["default"] = {{"lua.check", 5}, {"lua.total", 2}};
    EXPECT_TRUE(disagreements(results).empty());
    results.linux_guest["tuned"] = {{"lua.check", 6}};
    EXPECT_EQ(disagreements(results), std::vector<std::string>{"lua.check (tuned)"});
}

}  // namespace
}  // namespace enclavisor::bench
