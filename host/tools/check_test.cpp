#include "host/tools/check.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "host/lib/file.hpp"
#include "host/lib/test_elf.hpp"
#include "host/tools/enclave_view.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

class Check : public testing::Test {
protected:
    Check() {
        std::string pattern = (fs::temp_directory_path() / "enclavisor-check-XXXXXX").string();
        root_ = fs::canonical(::mkdtemp(pattern.data()));
        put("app", TestElf{}.bytes());
        put("data/file", "some text");
    }
    ~Check() override { fs::remove_all(root_); }

    void put(const std::string& path, std::string_view text) {
        fs::create_directories((root_ / path).parent_path());
        ASSERT_TRUE(write_file(root_ / path, text));
    }
    void put(const std::string& path, const std::vector<std::byte>& bytes) {
        put(path, std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    // Without the folder.
    std::vector<std::string> findings(const std::string& manifest) {
        put("m.toml", manifest);
        const auto result = check_manifest(root_ / "m.toml");
        EXPECT_TRUE(result) << result.error().text();
        std::vector<std::string> lines;
        for (const Finding& finding : result.value()) {
            std::string line = finding.text();
            for (std::size_t at; (at = line.find(root_.string() + "/")) != std::string::npos;)
                line.erase(at, root_.string().size() + 1);
            lines.push_back(line);
        }
        return lines;
    }
    // The one line that is found.
    std::string finding(const std::string& manifest) {
        const auto lines = findings(manifest);
        EXPECT_EQ(lines.size(), 1u) << testing::PrintToString(lines);
        return lines.empty() ? "" : lines.front();
    }
    static void expect_has(const std::string& line, std::initializer_list<const char*> words) {
        for (const char* word : words)
            EXPECT_NE(line.find(word), std::string::npos) << word << " in " << line;
    }
    const std::string head_ = "entrypoint = 'app'\n";
    const std::string limit_ = "enclave.memory_limit = '64M'\n";
    fs::path root_;
};

TEST_F(Check, MistakesOfTheManifestAllAtOnce) {
    const auto lines = findings("entrypont = 'app'\n[enclave]\nthreads = 0\n");
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0], "m.toml:1:1: error: no entrypoint; add entrypoint = \"file:PROGRAM\"");
    EXPECT_EQ(lines[1], "m.toml:1:1: error: unknown key 'entrypont'; did you mean 'entrypoint'?");
    expect_has(lines[2], {"m.toml:3:1: error: ", "without threads"});
}

TEST_F(Check, NoManifestAtAll) {
    EXPECT_FALSE(check_manifest(root_ / "absent.toml"));
}

TEST_F(Check, ProgramsThatAreNone) {
    expect_has(finding("entrypoint = 'absent'\n"), {"m.toml:1:1: error: absent: No such file"});
    put("script", "#!/bin/sh\n");
    expect_has(finding("argv = ['x']\nentrypoint = 'script'\n"), {"m.toml:2:1: error: ", "is a script"});
}

TEST_F(Check, InterpretersThatAreNotThere) {
    TestElf elf;
    const std::string_view name{"/lib64/no-such-ld.so\0", 21};
    std::memcpy(elf.contents.data() + 0x100, name.data(), name.size());
    elf.add(PF_R, 0x1100, 0x401100, name.size(), name.size(), PT_INTERP);
    put("app", elf.bytes());
    expect_has(finding(head_), {"m.toml:1:1: error: ", "/lib64/no-such-ld.so does not exist"});
}

TEST_F(Check, LibrariesThatNoMountShows) {
    const auto lines = findings("entrypoint = '/bin/ls'\n");
    ASSERT_FALSE(lines.empty());
    bool libc = false;
    for (const std::string& line : lines) {
        expect_has(line, {"m.toml:1:1: error: ", "which /bin/ls needs, is not in the enclave; add { type"});
        libc = libc || line.find("uri = \"file:/lib/x86_64-linux-gnu/libc.so.6\"") != std::string::npos;
    }
    EXPECT_TRUE(libc);
    const std::string whole = "entrypoint = '/bin/ls'\n[[fs.mounts]]\npath = '/lib/x86_64-linux-gnu'\n";
    const auto passed = findings(whole + "type = 'insecure__passthrough'\nuri = '/lib/x86_64-linux-gnu'\n");
    bool measured = true;
    for (const std::string& line : passed) {
        expect_has(line, {"m.toml:2:1: warning: "});
        if (line.find("libc.so.6 is the host's code, not measured") != std::string::npos) measured = false;
    }
    EXPECT_FALSE(measured) << testing::PrintToString(passed);
}

TEST_F(Check, MountsOfNothing) {
    expect_has(finding(head_ + "[[fs.mounts]]\ntype='trusted'\npath='/a'\nuri='absent'\n"),
               {"m.toml:2:1: error: absent does not exist; "});
    expect_has(finding(head_ + "[[fs.mounts]]\ntype='insecure__passthrough'\npath='/a'\nuri='absent'\n"),
               {"m.toml:2:1: warning: absent does not exist on this host; "});
    fs::create_directory(root_ / "empty");
    expect_has(finding(head_ + "[[fs.mounts]]\ntype='trusted'\npath='/a'\nuri='empty'\n"),
               {"warning: empty has no files"});
    ASSERT_EQ(::mkfifo((root_ / "data/pipe").c_str(), 0600), 0);
    expect_has(finding(head_ + "[[fs.mounts]]\ntype='trusted'\npath='/a'\nuri='data'\n"),
               {"warning: data/pipe is no file, directory or link"});
    expect_has(finding(head_ + "[[fs.mounts]]\ntype='trusted'\npath='/proc/version'\nuri='/proc/version'\n"),
               {"warning: /proc/version is the kernel's"});
    expect_has(finding(head_ + "[[fs.mounts]]\ntype='tmpfs'\npath='/dev/null'\n"), {"the runtime's own"});
}

TEST_F(Check, CodeInPassthroughMounts) {
    const std::string mount = "[[fs.mounts]]\ntype='insecure__passthrough'\npath='/d'\nuri='data'\n";
    EXPECT_EQ(findings(head_ + mount), std::vector<std::string>{});
    put("data/lib.so", TestElf{}.bytes());
    expect_has(finding(head_ + mount),
               {"m.toml:2:1: warning: ", "code that the program may load: data/lib.so;"});
    put("data/run", "#!/bin/sh\n");
    EXPECT_EQ(findings(head_ + mount).size(), 1u);
    fs::permissions(root_ / "data/run", fs::perms::owner_all);
    expect_has(finding(head_ + mount), {" and 1 more; "});
    // What is trusted there is not the host's any more.
    EXPECT_EQ(findings(head_ + mount +
                       "[[fs.mounts]]\ntype='trusted'\npath='/d/lib.so'\nuri='data/lib.so'\n"
                       "[[fs.mounts]]\ntype='trusted'\npath='/d/run'\nuri='data/run'\n"),
              std::vector<std::string>{});
}

TEST_F(Check, MountsThatHideTrustedFiles) {
    const std::string outer = head_ + "[[fs.mounts]]\ntype='trusted'\npath='/d'\nuri='data'\n";
    expect_has(finding(outer + "[[fs.mounts]]\ntype='tmpfs'\npath='/d/file'\n"),
               {"m.toml:6:1: warning: /d/file hides trusted files of the mount of /d"});
    EXPECT_EQ(findings(outer + "[[fs.mounts]]\ntype='tmpfs'\npath='/d/other'\n"), std::vector<std::string>{});
}

TEST_F(Check, AnEnvironmentThatChoosesCode) {
    const auto lines = findings(head_ +
                                "[env]\nLD_PRELOAD = { passthrough = true }\nTZ = { passthrough = true }\n"
                                "PYTHONPATH = { passthrough = true }\nLD_LIBRARY_PATH = '/lib'\n");
    ASSERT_EQ(lines.size(), 2u) << testing::PrintToString(lines);
    expect_has(lines[0], {"m.toml:3:1: warning: by LD_PRELOAD"});
    expect_has(lines[1], {"m.toml:5:1: warning: by PYTHONPATH"});
    EXPECT_EQ(findings(head_ + "insecure__use_host_env = true\nenv.A = 'b'\n").size(), 2u);
    EXPECT_EQ(findings(head_ + "insecure__use_host_argv = true\n").size(), 1u);
    EXPECT_EQ(findings(head_ + "insecure__use_host_identity = true\n").size(), 1u);
}

TEST_F(Check, Sizes) {
    expect_has(finding(head_ + limit_ + "enclave.stack_size = '64M'\n"),
               {"m.toml:3:9: error: a stack of 64M"});
    fs::resize_file(root_ / "data/file", 65 << 20);
    expect_has(finding(head_ + limit_ + "[[fs.mounts]]\ntype='trusted'\npath='/d'\nuri='data'\n"),
               {"m.toml:2:9: warning: the trusted files have 68157440 bytes"});
}

TEST_F(Check, MembersOfAGroup) {
    put("a.toml", "entrypoint = 'app'\n");
    put("b.toml", "entrypoint = 'absent'\n");
    expect_has(finding("[group]\nmembers = ['a.toml', 'b.toml']\n"), {"b.toml:1:1: error: absent"});
    expect_has(finding("[group]\nmembers = ['c.toml']\n"), {"m.toml:2:1: error: c.toml"});
}

TEST_F(Check, NamesAsTheEnclaveSeesThem) {
    put("tree/usr/lib/real", "x");
    fs::create_symlink("usr/lib", root_ / "tree/lib");
    fs::create_symlink("/outside/file", root_ / "tree/usr/away");
    fs::create_symlink("self", root_ / "tree/self");
    const std::vector<Mount> mounts{{abi::MountType::kTrusted, "/t", (root_ / "tree").string()},
                                    {abi::MountType::kTmpfs, "/t/tmp", ""},
                                    {abi::MountType::kPassthrough, "/p", (root_ / "tree").string()}};
    const EnclaveView view{mounts};
    const auto source = [&](const char* path) { return view.find(path).source; };
    const std::string real = (root_ / "tree/usr/lib/real").string();
    EXPECT_EQ(source("/t/usr/lib/real"), real);
    EXPECT_EQ(source("/t/lib/real"), real);
    EXPECT_EQ(source("/t/lib/../lib/./real"), real);
    EXPECT_EQ(source("/t/lib/../absent"), "");
    EXPECT_EQ(source("/t/usr/away"), "");
    EXPECT_EQ(source("/t/self"), "");
    EXPECT_EQ(source("/t/tmp/x"), "");
    EXPECT_EQ(source("/elsewhere"), "");
    EXPECT_EQ(source("/p/lib/real"), (root_ / "tree/lib/real").string());
    ASSERT_NE(view.find("/p/lib/real").mount, nullptr);
    EXPECT_EQ(view.find("/p/lib/real").mount->path, "/p");
}

}  // namespace
}  // namespace enclavisor::host
