// The developer's commands for manifests: what they say, and that what they write runs.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/command.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;

// A program of its own folder, with a text that it reads.
class Folder {
public:
    Folder() {
        fs::copy_file("/bin/busybox", directory_ / "app");
        fs::create_directory(directory_ / "texts");
        write_file(directory_ / "texts/greeting", "hello\n");
        write_file(directory_ / "texts/other", std::string(100'000, 'x'));
        write_manifest("");
    }
    void write_manifest(const std::string& more) {
        write_file(directory_ / "app.toml",
                   "entrypoint = \"app\"\nargv = [\"cat\", \"/t/greeting\"]\n" + more +
                       "[[fs.mounts]]\ntype = \"trusted\"\npath = \"/t\"\nuri = \"texts\"\n");
    }
    std::string path(const std::string& name) const { return (directory_ / name).string(); }

    RunResult command(const std::vector<std::string>& arguments) const {
        RunOptions options;
        options.directory = directory_.path();
        return tests::command(arguments, options);
    }
    // Its measurement.
    std::string build(const std::string& output = "app.enclave") const {
        const RunResult built = command({"build", "app.toml", "-o", output});
        EXPECT_EQ(built.status, 0) << built.err;
        return built.out;
    }

private:
    TempDir directory_;
};

// --- Without a VM ---------------------------------------------------------------

TEST(Tools, APackageIsTheSameWheneverItIsBuilt) {
    const Folder folder;
    const std::string measurement = folder.build();
    const std::string first = read_file(folder.path("app.enclave"));
    fs::last_write_time(folder.path("texts/greeting"), fs::file_time_type::clock::now());
    EXPECT_EQ(folder.build("again.enclave"), measurement);
    EXPECT_EQ(read_file(folder.path("again.enclave")), first);
    EXPECT_EQ(folder.command({"measure", "app.enclave"}).out, measurement);
    EXPECT_EQ(folder.command({"measure", "app.toml"}).out, measurement);
    const RunResult named = folder.command({"build", "app.toml"});
    EXPECT_EQ(named.status, 0) << named.err;
    EXPECT_EQ(read_file(folder.path("app.enclave")), first);
}

TEST(Tools, APackageWhoseFilesChangedIsRefusedWithTheirName) {
    Folder folder;
    folder.build();
    const auto refused = [&](const std::string& what) {
        for (const char* verb : {"run", "measure"})
            expect_complaint(folder.command({verb, "app.enclave"}), 125, {what, "app.enclave", "build"});
    };
    write_file(folder.path("texts/greeting"), "hallo\n");
    refused("texts/greeting is not what it was");
    fs::remove(folder.path("texts/greeting"));
    refused("texts/greeting: No such file");
    write_file(folder.path("texts/greeting"), "hello\n");
    EXPECT_EQ(folder.command({"measure", "app.enclave"}).status, 0);
    write_file(folder.path("app"), read_file(folder.path("app")) + "x");
    refused("app is not what it was");
    write_file(folder.path("app"), "no program at all");
    refused("app is not what it was");
}

TEST(Tools, ADynamicProgramsInterpreterIsPartOfItsPackage) {
    const Folder folder;
    const RunResult built = folder.command({"build", "/bin/ls", "-o", "ls.enclave"});
    ASSERT_EQ(built.status, 0) << built.err;
    EXPECT_EQ(folder.command({"measure", "/bin/ls"}).out, built.out);
    const auto json = nlohmann::json::parse(read_file(folder.path("ls.enclave")));
    const auto& enclave = json.at("enclaves").at(0);
    EXPECT_EQ(enclave.at("interpreter").at("path"), "/lib64/ld-linux-x86-64.so.2");
    EXPECT_FALSE(enclave.at("trusted_files").empty());
}

TEST(Tools, InspectShowsManifestAndPackageAlike) {
    const Folder folder;
    const std::string measurement = folder.build();
    const RunResult package = folder.command({"inspect", "app.enclave"});
    EXPECT_EQ(package.status, 0) << package.err;
    EXPECT_EQ(folder.command({"inspect", "app.toml"}).out, package.out);
    for (const std::string& word : {measurement, std::string{"/t/greeting"}, std::string{"100000 bytes"}})
        EXPECT_NE(package.out.find(word), std::string::npos) << word;
    const auto json = nlohmann::json::parse(folder.command({"inspect", "-o", "json", "app.enclave"}).out);
    EXPECT_EQ(json.at("measurement").get<std::string>() + "\n", measurement);
    EXPECT_EQ(json.at("enclaves").at(0).at("trusted_files").size(), 2u);
}

TEST(Tools, DiffSaysWhatDiffers) {
    Folder folder;
    folder.build();
    const RunResult same = folder.command({"diff", "app.enclave", "app.toml"});
    EXPECT_EQ(same.status, 0) << same.err;
    EXPECT_EQ(same.out, "");
    write_file(folder.path("texts/new"), "");
    fs::remove(folder.path("texts/other"));
    write_file(folder.path("texts/greeting"), "good morning\n");
    folder.write_manifest("enclave.memory_limit = \"64M\"\nenv.LANG = \"C\"\n");
    const RunResult differ = folder.command({"diff", "app.enclave", "app.toml"});
    EXPECT_EQ(differ.status, 1) << differ.err;
    for (const char* line :
         {"~ measurement: ", "~ memory limit: 256M -> 64M\n", "+ environment LANG: \"C\"\n",
          "+ trusted file /t/new: ", "- trusted file /t/other: ", "~ trusted file /t/greeting: "}) {
        EXPECT_NE(differ.out.find(line), std::string::npos) << line << " in\n" << differ.out;
    }
    const RunResult json = folder.command({"diff", "-o", "json", "app.enclave", "app.toml"});
    EXPECT_EQ(json.status, 1);
    EXPECT_EQ(nlohmann::json::parse(json.out).at("differences").size(), 6u);
    expect_complaint(folder.command({"diff", "app.enclave", "absent.enclave"}), 2, {"absent.enclave"});
    expect_complaint(folder.command({"diff", "app.enclave", "absent.toml"}), 2, {"absent.toml"});
}

TEST(Tools, CheckHasAStatusForEachWeight) {
    Folder folder;
    const RunResult good = folder.command({"check", "app.toml"});
    EXPECT_EQ(good.status, 0) << good.out;
    EXPECT_EQ(good.out + good.err, "");
    folder.write_manifest("env.LD_PRELOAD = { passthrough = true }\n");
    const RunResult risky = folder.command({"check", "app.toml"});
    EXPECT_EQ(risky.status, 1);
    EXPECT_EQ(risky.out.find("app.toml:3:5: warning: by LD_PRELOAD the host chooses which code is loaded; "),
              0u)
        << risky.out;
    folder.write_manifest("enviroment = 3\nenv.LD_PRELOAD = { passthrough = true }\n");
    const RunResult wrong = folder.command({"check", "app.toml"});
    EXPECT_EQ(wrong.status, 2);
    EXPECT_EQ(wrong.out.find("app.toml:3:1: error: unknown key 'enviroment'; "), 0u) << wrong.out;
    EXPECT_NE(wrong.out.find("app.toml:4:5: warning: "), std::string::npos) << wrong.out;
    expect_complaint(folder.command({"check", "absent.toml"}), 2, {"absent.toml"});
    expect_complaint(folder.command({"check", "app"}), 2, {"app", "manifest"});
}

TEST(Tools, BadInput) {
    const Folder folder;
    expect_complaint(folder.command({"build", "absent.toml"}), 127, {"absent.toml"});
    expect_complaint(folder.command({"build", "app.toml", "-o", "app.out"}), 125, {"app.out", ".enclave"});
    expect_complaint(folder.command({"build", "app.toml", "-o", "/absent/x.enclave"}), 125,
                     {"/absent/x.enclave", "No such file"});
    write_file(folder.path("bad.enclave"), "{}");
    for (const char* verb : {"run", "measure", "inspect"})
        expect_complaint(folder.command({verb, "bad.enclave"}), 125, {"bad.enclave", "no package"});
    expect_complaint(folder.command({"build", "bad.enclave"}), 125, {"bad.enclave", "already"});
    folder.build();
    expect_complaint(folder.command({"run", "app.enclave", "more"}), 125, {"fixes the arguments"});
    std::string altered = read_file(folder.path("app.enclave"));
    altered.replace(altered.find("\"/t/greeting\""), 13, "\"/t/other\"");
    write_file(folder.path("altered.enclave"), altered);
    expect_complaint(folder.command({"run", "altered.enclave"}), 125, {"altered.enclave", "measurement"});
}

// --- With a VM ------------------------------------------------------------------

class ToolsInVm : public testing::TestWithParam<host::Platform> {
protected:
    std::string platform() const { return host::platform_name(GetParam()); }
};
ENCLAVISOR_ON_BOTH_PLATFORMS(ToolsInVm);

TEST_P(ToolsInVm, APackageRunsWithTheMeasurementThatItNames) {
    const Folder folder;
    const std::string measurement = folder.build();
    const RunResult result =
        folder.command({"run", "--platform", platform(), "--print-measurement", "app.enclave"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "hello\n");
    EXPECT_NE(result.err.find("measurement " + measurement), std::string::npos) << result.err;
}

TEST_P(ToolsInVm, AGroupIsAPackageToo) {
    const Folder folder;
    write_file(folder.path("group.toml"), "[group]\nmembers = [\"app.toml\", \"app.toml\"]\n");
    const RunResult built = folder.command({"build", "group.toml"});
    ASSERT_EQ(built.status, 0) << built.err;
    const RunResult result =
        folder.command({"run", "--platform", platform(), "--print-measurement", "group.enclave"});
    EXPECT_EQ(result.out, "hello\nhello\n") << result.err;
    EXPECT_NE(result.err.find("measurement " + built.out), std::string::npos) << result.err;
}

}  // namespace
}  // namespace enclavisor::tests
