// Programs under manifests: trusted mounts look as the host's folders do.
#include <gtest/gtest.h>

#include "tests/support/machines.hpp"
#include "tests/support/subprocess.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;

class Manifests : public testing::TestWithParam<host::Platform> {
protected:
    RunResult run_manifest(const std::string& text) {
        write_file(directory_ / "app.toml", text);
        RunOptions options;
        options.directory = directory_.path();
        return run({enclavisor_command(), "run", "--platform", host::platform_name(GetParam()), "app.toml"},
                   options);
    }
    static std::string quoted(const std::vector<std::string>& words) {
        std::string list;
        for (const std::string& word : words) list += (list.empty() ? "\"" : ", \"") + word + "\"";
        return "[" + list + "]";
    }
    TempDir directory_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(Manifests);

TEST_P(Manifests, LinksInTrustedMountsAreFollowedInside) {
    const fs::path root = directory_ / "tree";
    fs::create_directories(root / "usr/lib/deep/er");
    fs::create_directories(root / "etc");
    write_file(root / "usr/lib/libfoo.so.1.2", "the library");
    write_file(root / "usr/lib/deep/er/file", "deep down");
    write_file(root / "etc/conf", "settings");
    fs::create_directory_symlink("usr/lib", root / "lib64");
    fs::create_symlink("libfoo.so.1.2", root / "usr/lib/libfoo.so.1");
    fs::create_symlink("libfoo.so.1", root / "usr/lib/libfoo.so");
    fs::create_symlink("../../etc/conf", root / "usr/lib/conf");
    fs::create_symlink((root / "etc/conf").string(), root / "absolute");
    fs::create_directory_symlink("usr/lib/deep/er", root / "shortcut");
    fs::create_symlink("nowhere", root / "dangling");
    fs::create_symlink("self", root / "self");
    fs::create_symlink("../etc/../usr/lib/deep/er/file", root / "usr/winding");
    std::vector<std::string> arguments{"tour"};
    for (const char* path : {"",
                             "/lib64",
                             "/lib64/",
                             "/lib64/libfoo.so",
                             "/lib64/libfoo.so.1",
                             "/lib64/libfoo.so/x",
                             "/usr/lib/libfoo.so.1.2",
                             "/usr/lib/libfoo.so.1.2/",
                             "/lib64/conf",
                             "/absolute",
                             "/shortcut",
                             "/shortcut/file",
                             "/shortcut/../er/file",
                             "/shortcut/..",
                             "/shortcut/../../libfoo.so.1",
                             "/lib64/../lib/conf",
                             "/dangling",
                             "/dangling/x",
                             "/self",
                             "/usr/winding",
                             "/none",
                             "/usr/./lib//deep"}) {
        arguments.push_back(root.string() + path);
    }
    const std::string program = (programs_dir() / "links_tour").string();
    std::vector<std::string> native{program};
    native.insert(native.end(), arguments.begin() + 1, arguments.end());
    RunOptions options;
    options.directory = "/";
    const RunResult expected = run(native, options);
    ASSERT_EQ(expected.status, 0) << expected.err;
    const RunResult result = run_manifest("entrypoint = \"" + program + "\"\nargv = " + quoted(arguments) +
                                          "\n[[fs.mounts]]\ntype = \"trusted\"\npath = \"" + root.string() +
                                          "\"\nuri = \"tree\"\n");
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, expected.out);
}

// Nothing of the host's is mounted but what is measured.
TEST_P(Manifests, ADynamicProgramWithItsLibrariesTrusted) {
    const std::string program = (programs_dir() / "dynamic_tour").string();
    std::string text = "entrypoint = \"" + program + "\"\nargv = [\"" + program + "\"]\n";
    const std::string system = "/lib/x86_64-linux-gnu/", own = programs_dir().string() + "/";
    for (const std::string& path :
         {own + "libdynamic_linked.so", own + "libdynamic_loaded.so", system + "libc.so.6",
          system + "libm.so.6", system + "libgcc_s.so.1", system + "libstdc++.so.6"}) {
        text += "[[fs.mounts]]\ntype = \"trusted\"\npath = \"" + path + "\"\nuri = \"" + path + "\"\n";
    }
    RunOptions options;
    options.directory = directory_.path();
    const RunResult expected = run({program}, options);
    const RunResult result = run_manifest(text);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, expected.out);
    EXPECT_EQ(result.err.find("insecure"), std::string::npos) << result.err;
}

TEST_P(Manifests, ALibraryThatNoMountHasIsMissing) {
    const std::string program = (programs_dir() / "dynamic_tour").string();
    const RunResult result = run_manifest("entrypoint = \"" + program + "\"\n");
    EXPECT_EQ(result.status, 127);
    EXPECT_NE(result.err.find("error while loading shared libraries"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace enclavisor::tests
