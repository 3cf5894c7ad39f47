// The developer's commands for manifests: what they say, and that what they write runs.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/support/command.hpp"
#include "tests/support/compare.hpp"
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
    folder.write_manifest("enclave.memory_limit = \"64K\"\nenclave.stack_size = \"4K\"\n");
    const RunResult small = folder.command({"check", "app.toml"});
    EXPECT_EQ(small.status, 2);
    EXPECT_NE(small.out.find("app.toml:1:1: error: the memory limit of 64K is too small"), std::string::npos)
        << small.out;
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

TEST(Tools, TraceGivesAllThatItCannot) {
    const Folder folder;
    const RunResult traced = folder.command(
        {"trace", "-o", "perl.toml", "/usr/bin/perl", "-e", "msgget(77, 0) for 1 .. 3; print 'out'; exit 7"});
    EXPECT_EQ(traced.status, 7);
    EXPECT_EQ(traced.out, "out");
    EXPECT_NE(traced.err.find("not in an enclave: msgget, 3 times: it exchanges messages"), std::string::npos)
        << traced.err;
    EXPECT_NE(traced.err.find("exited with status 7"), std::string::npos) << traced.err;
    EXPECT_NE(
        read_file(folder.path("perl.toml")).find("# Of these an enclave does not answer:\n#   msgget, 3"),
        std::string::npos);
    EXPECT_EQ(folder.command({"trace", "-q", "/bin/sh", "-c", "kill -SEGV $$"}).status, 128 + SIGSEGV);
    EXPECT_TRUE(fs::exists(folder.path("sh.toml")));
}

TEST(Tools, TraceHandsSignalsOnAndEndsWithItsProgram) {
    const Folder folder;
    const auto trace = [&](const std::string& output, const std::string& script) {
        return folder.command({"trace", "-q", "-o", output, "/bin/sh", "-c", script});
    };
    EXPECT_EQ(trace("handed.toml", "kill -TERM $PPID; exec sleep 1000").status, 128 + SIGTERM);
    EXPECT_TRUE(fs::exists(folder.path("handed.toml")));
    // Ctrl-C reaches the program without our help, and its end is its own affair.
    EXPECT_EQ(trace("kept.toml", "kill -INT $PPID; exit 3").status, 3);
    EXPECT_TRUE(fs::exists(folder.path("kept.toml")));
    // What it leaves behind is followed until somebody has enough of that.
    const RunResult left =
        trace("left.toml",
              "tracer=$PPID; (while kill -0 $$ 2> /dev/null; do :; done; kill -TERM $tracer; "
              "exec sleep 1000) & exit 4");
    EXPECT_EQ(left.status, 4);
    EXPECT_FALSE(left.timed_out);
    EXPECT_TRUE(fs::exists(folder.path("left.toml")));
}

TEST(Tools, TraceRefusesWhatItCannotDo) {
    const Folder folder;
    expect_complaint(folder.command({"trace"}), 125, {"no program"});
    expect_complaint(folder.command({"trace", "./absent"}), 127, {"./absent"});
    expect_complaint(folder.command({"trace", "-o", "x.txt", "/bin/true"}), 125, {"x.txt", ".toml"});
    expect_complaint(folder.command({"trace", "./app"}), 125, {"app.toml is there already", "-o"});
    write_file(folder.path("text"), "no program\n");
    fs::permissions(folder.path("text"), fs::perms::owner_all);
    expect_complaint(folder.command({"trace", "./text"}), 126, {"text cannot be executed"});
    expect_complaint(folder.command({"trace", "-o", "/absent/x.toml", "/bin/true"}), 125, {"/absent/x.toml"});
}

// --- With a VM ------------------------------------------------------------------

class ToolsInVm : public testing::TestWithParam<host::Platform> {
protected:
    std::string platform() const { return host::platform_name(GetParam()); }

    // Runs it natively, traced, and in an enclave by the manifest that the trace wrote, each time
    // in a directory like the first; all that is printed and written has to be the same.
    void expect_as_traced(
        const std::vector<std::string>& program,
        const std::function<void(const fs::path&)>& prepare = [](const fs::path&) {}) {
        TempDir place;
        const fs::path directory = place / "work", manifest = place / "app.toml";
        RunOptions options;
        options.directory = directory;
        options.environment = program_environment();
        const auto begin = [&] {
            fs::remove_all(directory);
            fs::create_directory(directory);
            prepare(directory);
        };
        begin();
        const RunResult native = run(program, options);
        const std::string files = describe_tree(directory);
        begin();
        std::vector<std::string> trace{enclavisor_command(), "trace", "-q", "-o", manifest};
        trace.insert(trace.end(), program.begin(), program.end());
        const RunResult traced = run(trace, options);
        EXPECT_EQ(traced.status, native.status) << traced.err;
        EXPECT_EQ(traced.out, native.out);
        EXPECT_EQ(describe_tree(directory), files);
        const std::string text = read_file(manifest);
        begin();
        const RunResult checked = run({enclavisor_command(), "check", manifest}, options);
        EXPECT_LT(checked.status, 2) << checked.out << text;
        const RunResult result =
            run({enclavisor_command(), "run", "-q", "--platform", platform(), manifest}, options);
        EXPECT_EQ(result.status, native.status) << result.err << text;
        EXPECT_EQ(result.out, native.out) << text;
        EXPECT_EQ(result.err, native.err) << text;
        EXPECT_EQ(describe_tree(directory), files) << text;
    }
};
ENCLAVISOR_ON_ALL_PLATFORMS(ToolsInVm);

TEST_P(ToolsInVm, TracedSqlite) {
    expect_as_traced({"/usr/bin/sqlite3", "a.db",
                      "create table t(a, b); insert into t values(1, 'x'), (2, 'y'); select sum(a) from t;"});
}

TEST_P(ToolsInVm, TracedSqliteOfADatabaseThatIsThere) {
    expect_as_traced(
        {"/usr/bin/sqlite3", "a.db", "select * from t; insert into t values(2); select * from t;"},
        [](const fs::path& directory) {
            RunOptions options;
            options.directory = directory;
            run({"/usr/bin/sqlite3", "a.db", "create table t(a); insert into t values(1);"}, options);
        });
}

TEST_P(ToolsInVm, TracedLua) {
    expect_as_traced({"/usr/bin/lua5.4", "script.lua", "in"}, [](const fs::path& directory) {
        write_file(directory / "script.lua",
                   "local m = require('module')\nfor l in io.lines(arg[1]) do print(m.double(l)) end\n"
                   "io.open('out', 'w'):write(os.getenv('HOME'), os.getenv('TERM') or 'none')\n"
                   "local t = io.tmpfile(); t:write('x'); print(t:seek('cur'))\n");
        write_file(directory / "module.lua", "return { double = function(x) return x .. x end }\n");
        write_file(directory / "in", "a\nb\n");
    });
}

TEST_P(ToolsInVm, TracedShellScript) {
    expect_as_traced({"./script"}, [](const fs::path& directory) {
        write_file(directory / "script",
                   "#!/bin/bash\nset -e\nread line < sub/in\necho \"$0: $line\"\n"
                   "echo $line > out\ncd sub; for f in *; do echo $f; done\n"
                   "[ -e absent ] || echo absent; exit 3\n");
        fs::permissions(directory / "script", fs::perms::owner_all);
        fs::create_directory(directory / "sub");
        write_file(directory / "sub/in", "a line\n");
    });
}

TEST_P(ToolsInVm, TracedShellWithOtherPrograms) {
    expect_as_traced({"/bin/bash", "script"}, [](const fs::path& directory) {
        write_file(directory / "script",
                   "echo one two | tr a-z A-Z | sed 's/ /-/' > out\ncat out\n./helper $(wc -l < out)\n"
                   "find . -name 'h*' | sort\nmkdir d; mv out d; cat d/*\n");
        write_file(directory / "helper", "#!/usr/bin/perl\nprint \"helper: @ARGV\\n\";\n");
        fs::permissions(directory / "helper", fs::perms::owner_all);
    });
}

TEST_P(ToolsInVm, TracedPythonWithItsModules) {
    expect_as_traced({"/usr/bin/python3", "-c",
                      "import json, sqlite3, tempfile, threading\n"
                      "t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()\n"
                      "with tempfile.NamedTemporaryFile() as f: f.write(b'abc'); f.flush()\n"
                      "print(json.dumps(sqlite3.connect(':memory:').execute('select 1+1').fetchall()))\n"});
}

TEST_P(ToolsInVm, TracedMemoryIsEnough) {
    expect_as_traced({"/usr/bin/xz", "-9", "-k", "-c", "in"},
                     [](const fs::path& directory) { write_file(directory / "in", std::string(5000, 'x')); });
}

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
