#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstdlib>
#include <functional>

#include "abi/enclave/linux_calls.hpp"
#include "abi/host/forwarded_calls.hpp"
#include "host/lib/file.hpp"
#include "host/lib/manifest.hpp"
#include "host/tools/linux_call.hpp"
#include "host/tools/trace_manifest.hpp"
#include "host/tools/trace_mounts.hpp"
#include "host/tools/variables.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;
using abi::MountType;

// --- Tables ---------------------------------------------------------------------

TEST(LinuxCalls, EachThatIsAbsentHasAPurpose) {
    std::size_t absent = 0;
    for (std::uint64_t number = 0; number < abi::kLinuxCallLimit; number++) {
        const LinuxCall call = linux_call(number);
        if (call.name.empty() || call.answer != CallAnswer::kAbsent) continue;
        absent++;
        EXPECT_NE(purpose_of(call.name), "") << call.name;
    }
    EXPECT_GT(absent, 50u);
    EXPECT_EQ(linux_call(SYS_openat).name, "openat");
    EXPECT_EQ(linux_call(SYS_openat).answer, CallAnswer::kForwarded);
    EXPECT_EQ(linux_call(abi::kLinuxCallLimit).name, "");
    EXPECT_EQ(linux_call(~0ull).name, "");
    EXPECT_EQ(purpose_of("msg"), "");
    EXPECT_EQ(purpose_of("mmap"), "");
}

// What may be forwarded with a path is known to name one.
TEST(PathCalls, AgreeWithTheTableOfForwardedCalls) {
    for (const abi::CallSpec& spec : abi::kForwardedCalls) {
        for (int i = 0; i < 6; i++) {
            if (spec.arguments[static_cast<std::size_t>(i)].kind != abi::ArgumentKind::kPath) continue;
            if (spec.linux_number == SYS_symlinkat && i == 0) continue;  // a text, not looked up
            bool known = false;
            for (const PathArgument& row : path_arguments(static_cast<std::uint64_t>(spec.linux_number)))
                known = known || row.path == i;
            EXPECT_TRUE(known) << spec.name << " argument " << i;
        }
    }
    EXPECT_EQ(path_arguments(SYS_renameat2).size(), 2u);
    EXPECT_TRUE(path_arguments(SYS_read).empty());
}

TEST(Variables, AreNeededIfTheirNamesStandInTheFiles) {
    EXPECT_TRUE(has_word(std::string_view{"\0HOME\0", 6}, "HOME"));
    EXPECT_TRUE(has_word("cd ${HOME}/x", "HOME"));
    EXPECT_TRUE(has_word("HOME", "HOME"));
    EXPECT_FALSE(has_word("MYHOME HOMES HOME_DIR", "HOME"));
    EXPECT_TRUE(has_word("HOMES HOME", "HOME"));
    EXPECT_TRUE(is_secret("GITHUB_TOKEN"));
    EXPECT_TRUE(is_secret("AWS_SECRET_ACCESS_KEY"));
    EXPECT_FALSE(is_secret("LANG"));
}

// --- Tracing --------------------------------------------------------------------

class Trace : public testing::Test {
protected:
    Trace() {
        std::string pattern = (fs::temp_directory_path() / "enclavisor-trace-XXXXXX").string();
        root_ = fs::canonical(::mkdtemp(pattern.data()));
        recording_.executable = "/bin/true";
        recording_.directory = "/";
    }
    ~Trace() override { fs::remove_all(root_); }

    std::string at(const std::string& name) const { return (root_ / name).string(); }
    std::string put(const std::string& name, std::string_view text = "text") {
        fs::create_directories((root_ / name).parent_path());
        EXPECT_TRUE(write_file(root_ / name, text));
        return at(name);
    }
    // Runs a script of the shell's.
    int sh(const std::string& script) {
        recording_ = {};
        Recorder recorder{recording_};
        const auto end =
            trace_program("/bin/sh", {"sh", "-c", "cd " + root_.string() + "; " + script}, recorder);
        EXPECT_TRUE(end) << end.error().text();
        return end ? end.value().status : -1;
    }
    NameUse use(const std::string& name) const {
        const auto found = recording_.names.find(at(name));
        return found == recording_.names.end() ? NameUse{} : found->second;
    }
    // "type path", but for /tmp; paths below the folder without it.
    std::vector<std::string> mounts() const {
        std::vector<std::string> lines;
        for (const auto& [path, mount] : mounts_for(recording_).mounts) {
            if (path == "/tmp") continue;
            const char* types[] = {"", "trusted ", "tmpfs ", "host "};
            lines.push_back(
                types[static_cast<int>(mount.type)] +
                (is_below(path, root_) ? fs::path{path}.lexically_relative(root_).string() : path));
        }
        return lines;
    }
    NameUse& found(const std::string& name) {
        NameUse& entry = recording_.names[at(name)];
        entry.found = true;
        return entry;
    }
    using Lines = std::vector<std::string>;

    fs::path root_;
    Recording recording_;
};

TEST_F(Trace, TheProgramAndItsEnd) {
    EXPECT_EQ(WEXITSTATUS(sh("exit 3")), 3);
    EXPECT_EQ(recording_.executable, fs::canonical("/bin/sh").string());
    EXPECT_EQ(recording_.directory, fs::current_path().string());
    ASSERT_EQ(recording_.arguments.size(), 3u);
    EXPECT_EQ(recording_.arguments[0], "sh");
    EXPECT_EQ(recording_.calls[SYS_exit_group], 1u);
    EXPECT_EQ(recording_.calls.count(SYS_execve), 0u);
    EXPECT_EQ(WTERMSIG(sh("kill -TERM $$")), SIGTERM);
}

TEST_F(Trace, AScriptIsItsInterpreterWithIt) {
    const std::string script = put("script", "#!/bin/sh\necho $1 > /dev/null\n");
    fs::permissions(script, fs::perms::owner_all);
    recording_ = {};
    Recorder recorder{recording_};
    ASSERT_TRUE(trace_program(script, {script, "word"}, recorder));
    EXPECT_EQ(recording_.executable, fs::canonical("/bin/sh").string());
    EXPECT_EQ(recording_.arguments, (Lines{"/bin/sh", script, "word"}));
    EXPECT_TRUE(use("script").looked_at);
}

TEST_F(Trace, WhatCannotBeExecutedSaysSo) {
    recording_ = {};
    Recorder recorder{recording_};
    const auto end = trace_program(put("text"), {"text"}, recorder);
    ASSERT_TRUE(end);
    EXPECT_EQ(WEXITSTATUS(end.value().status), 126);
    EXPECT_EQ(recording_.executable, "");
}

TEST_F(Trace, DescendantsAreFollowed) {
    put("a");
    EXPECT_EQ(sh("(read x < a; /bin/cat a > b); wait"), 0);
    EXPECT_TRUE(use("a").looked_at);
    EXPECT_TRUE(use("a").relative);
    EXPECT_TRUE(use("b").made);
    EXPECT_FALSE(use("b").looked_at);
    EXPECT_TRUE(recording_.names.at("/bin/cat").looked_at);
    EXPECT_GE(recording_.calls[SYS_execve], 1u);
}

TEST_F(Trace, WhoExecutesAFileReadsItsInterpreters) {
    const std::string inner = put("inner", "#!/bin/sh -e\ntrue\n");
    const std::string outer = put("outer", "#! " + inner + " x\ntrue\n");
    for (const std::string& script : {inner, outer}) fs::permissions(script, fs::perms::owner_all);
    EXPECT_EQ(sh("./outer; true"), 0);
    for (const std::string& name :
         {inner, outer, std::string{"/bin/sh"}, std::string{"/lib64/ld-linux-x86-64.so.2"}})
        EXPECT_TRUE(recording_.names[name].found && recording_.names[name].looked_at) << name;
}

TEST_F(Trace, WhatIsDoneToFiles) {
    put("read"), put("change"), put("remove"), put("list/file"), put("over");
    EXPECT_EQ(sh("read x < read; echo x >> change; echo x > make; /bin/rm remove; /bin/ls list > /dev/null; "
                 "[ -e absent ]; /bin/mv make over; cd list; : < ../read"),
              0);
    EXPECT_TRUE(use("read").looked_at && !use("read").changed && !use("read").made);
    EXPECT_TRUE(use("change").changed && !use("change").made);
    EXPECT_TRUE(use("make").made && use("make").removed);
    EXPECT_TRUE(use("over").changed);
    EXPECT_TRUE(use("remove").removed);
    EXPECT_TRUE(use("list").listed && use("list").directory && use("list").entered);
    EXPECT_FALSE(use("list/file").listed);
    EXPECT_FALSE(use("absent").found);
    EXPECT_EQ(use("absent").error, ENOENT);
}

TEST_F(Trace, DotsBehindALinkMeanTheHostsFile) {
    put("there/deep/x");
    put("there/file");
    fs::create_directory_symlink("there/deep", root_ / "link");
    EXPECT_EQ(sh("/bin/cat link/../file > /dev/null"), 0);
    EXPECT_EQ(use("file").source, at("there/file"));
    const auto plan = mounts_for(recording_);
    EXPECT_EQ(plan.mounts.at(at("file")).uri, at("there/file"));
}

// --- Mounts ---------------------------------------------------------------------

TEST_F(Trace, WhatIsReadIsTrusted) {
    put("a"), put("b");
    found("a").looked_at = true;
    recording_.names[at("absent")].error = ENOENT;
    found("gone").looked_at = true;  // was there
    recording_.names["/proc/version"] = recording_.names["/dev/null"] = found("a");
    EXPECT_EQ(mounts(), (Lines{"trusted a"}));
    EXPECT_EQ(mounts_for(recording_).kernel, (Lines{"/dev/null", "/proc/version"}));
}

TEST_F(Trace, WhatIsWrittenIsTheHosts) {
    put("d/old"), put("d/input"), put("e/db");
    found("d/new").made = true;
    found("d/old").changed = true;
    found("d/input").looked_at = true;
    found("e/db").changed = found("e/db").looked_at = true;
    EXPECT_EQ(mounts(), (Lines{"host d", "trusted d/input", "host e/db"}));
    found("e/old").removed = true;
    EXPECT_EQ(mounts(), (Lines{"host d", "trusted d/input", "host e"}));
}

TEST_F(Trace, WhatIsMadeInTheTraceNeedsNoMountOfItsOwn) {
    fs::create_directories(root_ / "d/sub");
    put("d/sub/file");
    found("d/sub").made = found("d/sub").directory = true;
    found("d/sub/file").made = true;
    found("d/sub/file").looked_at = true;
    EXPECT_EQ(mounts(), (Lines{"host d"}));
}

TEST_F(Trace, TemporaryFilesStayInTheEnclave) {
    for (const char* name : {"/tmp/x", "/var/tmp/y", "/tmp/dir", "/tmp/dir/z"}) {
        recording_.names[name].found = recording_.names[name].made = true;
    }
    EXPECT_EQ(mounts(), (Lines{"tmpfs /var/tmp"}));
    EXPECT_EQ(mounts_for(recording_).mounts.at("/tmp").type, MountType::kTmpfs);
}

TEST_F(Trace, AListedDirectoryIsTrustedAsAWhole) {
    put("d/file"), put("d/sub/file"), put("outside");
    fs::create_symlink("../outside", root_ / "d/leaving");
    for (const char* name : {"d/file", "d/sub/file", "d/leaving"}) found(name).looked_at = true;
    for (const char* name : {"d", "d/sub"}) found(name).directory = found(name).listed = true;
    EXPECT_EQ(mounts(), (Lines{"trusted d", "trusted d/leaving"}));
    found("d/made").made = true;
    EXPECT_EQ(mounts(), (Lines{"host d", "trusted d/file", "trusted d/leaving", "trusted d/sub/file"}));
}

TEST_F(Trace, TheWorkingDirectoryMattersIfFilesAreFoundFromIt) {
    put("a");
    found("a").looked_at = true;
    recording_.directory = root_;
    EXPECT_FALSE(mounts_for(recording_).need_directory);
    recording_.asked_for_directory = true;
    EXPECT_TRUE(mounts_for(recording_).need_directory);
    recording_.asked_for_directory = false;
    found("a").relative = true;
    EXPECT_TRUE(mounts_for(recording_).need_directory);
    EXPECT_EQ(mounts(), (Lines{"tmpfs .", "trusted a"}));  // inside of /tmp nothing leads to a
    recording_.names.clear();
    NameUse& here = recording_.names[root_];
    here.found = here.directory = here.relative = true;
    EXPECT_FALSE(mounts_for(recording_).need_directory);
    here.listed = true;
    EXPECT_TRUE(mounts_for(recording_).need_directory);
    recording_.directory = "/";
    EXPECT_FALSE(mounts_for(recording_).need_directory);
}

// --- Manifests ------------------------------------------------------------------

TEST_F(Trace, WhateverIsSaidIsSaidInToml) {
    const std::string name = put("dir/\x7f quote\" back\\ \xc3\xa4");
    found("dir/\x7f quote\" back\\ \xc3\xa4").looked_at = true;
    recording_.arguments = {"true", "", "a \"b\" \\ \n \x01 \x7f\x7f \xe2\x82\xac", "[x]"};
    recording_.calls[SYS_msgget] = 2;
    recording_.calls[100'000] = 1;
    recording_.names["/a\nb"].error = ENOENT;
    const auto text = write_manifest(recording_, {{"LANG=\"\\\n", "LC_x%%=y"}, 5, 6, 1 << 20});
    ASSERT_TRUE(text) << text.error().text();
    const auto manifest = parse_manifest(text.value(), "m.toml");
    ASSERT_TRUE(manifest) << manifest.error().text() << "\n" << text.value();
    const Manifest& m = manifest.value();
    EXPECT_EQ(m.entrypoint, "/bin/true");
    EXPECT_EQ(m.argv, recording_.arguments);
    EXPECT_EQ(m.environment, (Lines{"LANG=\"\\\n", "LC_x%%=y"}));
    EXPECT_EQ(m.uid, 5u);
    EXPECT_EQ(m.gid, 6u);
    EXPECT_EQ(m.memory_limit, 2304ull << 20);
    ASSERT_EQ(m.mounts.size(), 2u);
    EXPECT_EQ(m.mounts[1].path, name);
    EXPECT_EQ(m.mounts[1].uri, name);
    for (const char* line : {"msgget, 2 times: it exchanges", "call 100000, 1 time: it is unknown"})
        EXPECT_NE(text.value().find(line), std::string::npos) << line;
}

TEST_F(Trace, MappingsThatTheHostsFilesDoNotGetAreNamed) {
    recording_.shared_mappings = {"/dev/shm/x", "/srv/data"};
    const Lines lines = unanswered(recording_);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find("mmap of \"/srv/data\" with MAP_SHARED"), std::string::npos) << lines[0];
    recording_ = {};
    Recorder recorder{recording_};
    const std::string file = put("file", std::string(4096, 'x'));
    // Perl has no mmap, but syscall().
    const std::string program =
        "open F, '+<', '" + file +
        "'; syscall(9, 0, 4096, 3, 1, fileno(F), 0); syscall(9, 0, 1 << 30, 3, 2 | 32, -1, 0);";
    ASSERT_TRUE(trace_program("/usr/bin/perl", {"perl", "-e", program}, recorder));
    EXPECT_EQ(recording_.shared_mappings, std::set<std::string>{file});
    EXPECT_EQ(recording_.largest_mapping, 1u << 30);
}

TEST_F(Trace, WhatTomlCannotSay) {
    recording_.arguments = {"true", "\xff"};
    const auto text = write_manifest(recording_, {});
    ASSERT_FALSE(text);
    EXPECT_NE(text.error().text().find("UTF-8"), std::string::npos);
    recording_.arguments = {"true"};
    const auto value = write_manifest(recording_, {{"LANG=\xff", "LC_ALL=C"}, 0, 0, 0});
    ASSERT_TRUE(value);
    EXPECT_EQ(parse_manifest(value.value(), "m.toml").value().environment, Lines{"LC_ALL=C"});
}

TEST_F(Trace, SecretsAreLeftOut) {
    recording_.executable = put("program", "API_TOKEN HOME");
    const auto text = write_manifest(recording_, {{"API_TOKEN=hush", "HOME=/h", "OTHER=x"}, 0, 0, 0});
    ASSERT_TRUE(text);
    EXPECT_EQ(text.value().find("hush"), std::string::npos);
    EXPECT_NE(text.value().find("API_TOKEN"), std::string::npos);
    EXPECT_EQ(parse_manifest(text.value(), "m.toml").value().environment, Lines{"HOME=/h"});
}

}  // namespace
}  // namespace enclavisor::host
