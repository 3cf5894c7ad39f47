// Instances of process enclaves: unmodified programs that freeze when they are ready.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "abi/host/forwarded_calls.hpp"
#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/proxy/executor.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/subprocess.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

class Instances : public testing::TestWithParam<host::Platform> {};
ENCLAVISOR_ON_ALL_PLATFORMS(Instances);

// Answers an instance's calls in this process and keeps what it writes.
host::IoLoop::Handler keep_output(std::string& output) {
    return [&output](const abi::SubmissionEntry& entry, std::span<std::byte> data) -> std::int64_t {
        if (static_cast<abi::ForwardedCall>(entry.call) == abi::ForwardedCall::kWrite &&
            entry.arguments[1] < data.size() && entry.arguments[2] <= data.size() - entry.arguments[1]) {
            output.append(reinterpret_cast<const char*>(data.data()) + entry.arguments[1],
                          entry.arguments[2]);
            return static_cast<std::int64_t>(entry.arguments[2]);
        }
        return host::Executor{{}}.execute(entry, data);
    };
}

// What tests/programs/fork_random.c says.
struct Said {
    std::string random[2];  // hexadecimal: of getrandom, of OpenSSL
    std::uint64_t handle = 0;
    int other_pid = 0, wiped = -1, kept = -1;
};

TEST_P(Instances, ShareNoRandomness) {
    host::MachineOptions options = machine_options(GetParam());
    const auto machine = launch(options);
    ASSERT_NE(machine, nullptr);
    const auto application = host::describe_program(programs_dir() / "fork_random", 64ull << 20);
    ASSERT_TRUE(application.ok()) << application.error().text();
    std::string output;
    auto built = host::Enclave::build(*machine, application.value().image);
    ASSERT_TRUE(built.ok()) << built.error().text();
    auto origin = built.take();
    origin.attach_handler(keep_output(output));
    host::StartParameters start;
    start.arguments = {"fork_random"};
    ASSERT_TRUE(origin.hand_over(start).ok());
    ASSERT_TRUE(origin.start().ok());
    const auto ready = origin.wait_until_template(std::chrono::seconds{60});
    ASSERT_TRUE(ready.ok()) << ready.error().text();
    const std::uint64_t before = machine->stats().value().free_frames;

    // A host that gives all instances the same number, and that of the template.
    start.pid = 4242;
    const int count = soak_seconds(0) > 0 ? 10'000 : 300;
    std::set<std::string> seen[2], handles;
    for (int i = 0; i < count; i++) {
        std::string said_text;
        auto forked = origin.fork(start, keep_output(said_text));
        ASSERT_TRUE(forked.ok()) << forked.error().text();
        auto instance = forked.take();
        const auto status = instance.wait(std::chrono::seconds{60});
        ASSERT_TRUE(status.ok()) << status.error().text();
        ASSERT_EQ(status.value().code, 0u);
        ASSERT_TRUE(instance.destroy().ok());
        Said said;
        std::istringstream{said_text} >> said.random[0] >> said.random[1] >> said.handle >> said.other_pid >>
            said.wiped >> said.kept;
        ASSERT_EQ(said.random[1].size(), 64u) << said_text;
        EXPECT_TRUE(handles.insert(std::to_string(said.handle)).second);
        EXPECT_EQ(said.other_pid, 1);
        EXPECT_EQ(said.wiped, 0) << "MADV_WIPEONFORK";
        EXPECT_EQ(said.kept, 'w');
        for (int source = 0; source < 2; source++) {
            for (std::size_t at = 0; at + 32 <= said.random[source].size(); at += 2) {
                ASSERT_TRUE(seen[source].insert(said.random[source].substr(at, 32)).second)
                    << "16 bytes came twice";
            }
        }
    }
    EXPECT_EQ(machine->stats().value().free_frames, before);
}

// Five instances of a program, by the command.
RunResult run_five(host::Platform platform, const char* program) {
    RunOptions options;
    options.inherit_environment = true;
    return run({enclavisor_command(), "run", "--platform", host::platform_name(platform), "--quiet",
                "--instances", "5", (programs_dir() / program).string()},
               options);
}

TEST_P(Instances, TheCommandRunsThem) {
    const auto result = run_five(GetParam(), "fork_random");
    EXPECT_EQ(result.status, 0) << result.err;
    std::istringstream lines{result.out};
    std::set<std::string> distinct;
    for (std::string line; std::getline(lines, line);) distinct.insert(line.substr(0, 32));
    EXPECT_EQ(distinct.size(), 5u) << result.out;
}

TEST_P(Instances, HaveTheirOwnPipesTimersAndEpolls) {
    const auto result = run_five(GetParam(), "object_instances");
    EXPECT_EQ(result.status, 0) << result.err;
    std::string expected = "template 13\n";
    for (int i = 0; i < 5; i++) expected += "instance 1 1 'of the template' 15 4 8 1 20 w 1\n";
    EXPECT_EQ(result.out, expected);
}

TEST_P(Instances, GoOnWithTheirTimers) {
    const auto result = run_five(GetParam(), "timer_instances");
    EXPECT_EQ(result.status, 0) << result.err;
    std::string expected;
    for (int i = 0; i < 5; i++) expected += "instance 1\n";
    EXPECT_EQ(result.out, expected);
}

TEST_P(Instances, TheManifestNamesThePoint) {
    const TempDir temp;
    write_file(temp / "sh.toml",
               "[loader]\nentrypoint = \"file:/bin/bash-static\"\nargv = [\"bash\", \"-s\"]\n"
               "[enclave]\nfreeze = \"input\"\n");
    write_file(temp / "script", "x=5\nfor i in 1 2 3; do x=$((x * i)); done\necho result $x\nexit 7\n");
    RunOptions options;
    options.standard_input = temp / "script";
    options.inherit_environment = true;
    const auto result = run({enclavisor_command(), "run", "--platform", host::platform_name(GetParam()),
                             "--quiet", (temp / "sh.toml").string()},
                            options);
    EXPECT_EQ(result.status, 7) << result.err;
    EXPECT_EQ(result.out, "result 30\n");
}

// Not instances, but several enclaves from one manifest too.
TEST_P(Instances, AGroupRunsTogetherUnderOneMeasurement) {
    const TempDir temp;
    const auto member = [&](const std::string& name, const std::string& script) {
        write_file(temp / (name + ".toml"),
                   "[loader]\nentrypoint = \"file:/bin/bash-static\"\nargv = [\"bash\", \"-c\", \"" + script +
                       "\"]\n[enclave]\nmemory_limit = \"64M\"\n");
    };
    member("a", "echo from a");
    member("b", "echo from b; exit 3");
    write_file(temp / "group.toml", "[group]\nmembers = [\"a.toml\", \"b.toml\"]\n");
    RunOptions options;
    options.inherit_environment = true;
    const auto measured = run({enclavisor_command(), "measure", (temp / "group.toml").string()}, options);
    ASSERT_EQ(measured.status, 0) << measured.err;
    const auto result = run({enclavisor_command(), "run", "--platform", host::platform_name(GetParam()),
                             "--print-measurement", (temp / "group.toml").string()},
                            options);
    EXPECT_EQ(result.status, 3) << result.err;
    EXPECT_NE(result.out.find("from a\n"), std::string::npos);
    EXPECT_NE(result.out.find("from b\n"), std::string::npos);
    EXPECT_NE(result.err.find(measured.out.substr(0, 96)), std::string::npos) << result.err << measured.out;
}

TEST_P(Instances, AProgramThatIsNeverReadySaysSo) {
    const auto machine = launch(machine_options(GetParam()));
    ASSERT_NE(machine, nullptr);
    const auto application = host::describe_program("/bin/busybox", 64ull << 20);
    ASSERT_TRUE(application.ok());
    auto origin = host::Enclave::build(*machine, application.value().image).take();
    std::string output;
    origin.attach_handler(keep_output(output));
    host::StartParameters start;
    start.arguments = {"busybox", "true"};
    ASSERT_TRUE(origin.hand_over(start).ok());
    ASSERT_TRUE(origin.start().ok());
    const auto ready = origin.wait_until_template(std::chrono::seconds{60});
    ASSERT_FALSE(ready.ok());
    EXPECT_NE(ready.error().text().find("/dev/enclavisor/ready"), std::string::npos) << ready.error().text();
    EXPECT_FALSE(origin.fork(start, keep_output(output)).ok());
}

}  // namespace
}  // namespace enclavisor::tests
