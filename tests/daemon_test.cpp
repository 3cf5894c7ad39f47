// One VM, many host applications: the daemon and the commands that talk to it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <random>
#include <sstream>
#include <thread>

#include "abi/evidence/vm_report.hpp"
#include "host/daemon/client.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/process.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

using host::Json;
using namespace std::chrono_literals;

RunResult command(std::vector<std::string> arguments, RunOptions options = {}) {
    arguments.insert(arguments.begin(), enclavisor_command());
    options.inherit_environment = true;
    return run(arguments, options);
}

bool eventually(const std::function<bool()>& reached) {
    for (int i = 0; i < 600; i++) {
        if (reached()) return true;
        std::this_thread::sleep_for(50ms);
    }
    return false;
}

class DaemonTest : public testing::TestWithParam<host::Platform> {
protected:
    DaemonTest() { ::setenv("ENCLAVISOR_RUN_DIR", directory_.path().c_str(), 1); }
    void SetUp() override {
        start();
        free_at_first_ = number("free_frames");
    }
    void TearDown() override {
        if (command({"vm", "stop"}).status != 0 && pid_ > 0) ::kill(pid_, SIGKILL);
        ::unsetenv("ENCLAVISOR_RUN_DIR");
    }
    void start() {
        const auto started = command({"vm", "start", "--memory", "256M", "--platform", platform()});
        ASSERT_EQ(started.status, 0) << started.err;
        EXPECT_EQ(started.err, "");
        pid_ = static_cast<pid_t>(number("pid"));
    }
    static std::string ticker() { return (programs_dir() / "ticker").string(); }
    static std::string platform() { return host::platform_name(GetParam()); }
    static Json stats() {
        const auto answer = host::ask(host::kDefaultVm, {{"op", "stats"}});
        return answer.ok() ? answer.value() : Json::object();
    }
    static std::uint64_t number(const char* name) { return host::get_or<std::uint64_t>(stats(), name, 0); }
    // What it prints, which is its number.
    static std::string detached(std::vector<std::string> program) {
        program.insert(program.begin(), {"run", "--vm", "default", "-q", "--detach"});
        const auto begun = command(program);
        EXPECT_EQ(begun.status, 0) << begun.err;
        return begun.out.substr(0, begun.out.find('\n'));
    }
    static std::string state_of(const std::string& id) {
        for (const Json& enclave : Json::parse(command({"ps", "-o", "json"}).out)) {
            if (std::to_string(enclave.at("id").get<int>()) == id) return enclave.at("state");
        }
        return "none";
    }
    bool all_is_given_back() {
        return eventually([&] { return number("free_frames") == free_at_first_; });
    }

    TempDir directory_;
    pid_t pid_ = 0;
    std::uint64_t free_at_first_ = 0;
};
ENCLAVISOR_ON_ALL_PLATFORMS(DaemonTest);

TEST_P(DaemonTest, RunsProgramsAsACommandOfItsOwnWould) {
    write_file(directory_ / "input", "one\ntwo\n");
    RunOptions options;
    options.standard_input = directory_ / "input";
    options.directory = directory_.path();
    const auto counted = command({"run", "--vm", "default", "-q", "busybox", "wc", "-l"}, options);
    EXPECT_EQ(counted.status, 0) << counted.err;
    EXPECT_EQ(counted.out, "2\n");
    // Its working directory, arguments, environment, and status are the client's.
    const auto shell =
        command({"run", "--vm", "default", "-q", "--env", "GREETING=hello", "busybox", "sh", "-c",
                 "read line; echo $GREETING $1 $line; pwd; echo oops >&2; exit 7", "name", "a b"},
                options);
    EXPECT_EQ(shell.status, 7);
    EXPECT_EQ(shell.out, "hello a b one\n" + std::filesystem::canonical(directory_.path()).string() + "\n");
    EXPECT_EQ(shell.err.substr(0, 5), "oops\n") << shell.err;
    const auto missing = command({"run", "--vm", "default", "./no-such-program"});
    EXPECT_EQ(missing.status, 127);
    EXPECT_TRUE(all_is_given_back());
    EXPECT_EQ(command({"ps", "-o", "json"}).out, "[]\n") << "who stays with an enclave takes it along";
}

TEST_P(DaemonTest, DetachedEnclavesAreListedWaitedForAndRemoved) {
    const std::string id = detached({ticker(), "20", "3"});
    EXPECT_EQ(state_of(id), "running");
    EXPECT_NE(command({"rm", id}).status, 0) << "it has not ended";
    const auto followed = command({"logs", "-f", id});
    EXPECT_EQ(std::count(followed.out.begin(), followed.out.end(), '\n'), 20) << followed.out;
    EXPECT_EQ(command({"wait", id}).status, 3);
    EXPECT_EQ(state_of(id), "ended");
    EXPECT_EQ(command({"logs", id}).out, followed.out);
    EXPECT_EQ(command({"rm", id}).status, 0);
    EXPECT_EQ(state_of(id), "none");
    const auto gone = command({"wait", id});
    EXPECT_EQ(gone.status, host::kExitFailure);
    EXPECT_NE(gone.err.find("no enclave " + id), std::string::npos) << gone.err;
    EXPECT_TRUE(all_is_given_back());
}

// What a verifier makes of it: sim/vm_report_test.cpp.
TEST_P(DaemonTest, TheVmsOwnReport) {
    const std::string file = directory_ / "report", data = "00112233445566778899aabbccddeeff";
    const auto made = command({"vm", "report", "--data", data, "-o", file});
    const auto odd = command({"vm", "report", "--data", "123", "-o", file + "2"});
    EXPECT_EQ(odd.status, host::kExitFailure);
    EXPECT_NE(odd.err.find("not up to 64 bytes in hexadecimal"), std::string::npos) << odd.err;
    EXPECT_FALSE(std::filesystem::exists(file + "2"));
    if (GetParam() != host::Platform::kSimulatedSnp) {
        EXPECT_EQ(made.status, host::kExitFailure);
        EXPECT_NE(made.err.find("this platform has no secure processor"), std::string::npos) << made.err;
        EXPECT_FALSE(std::filesystem::exists(file));
        return;
    }
    EXPECT_EQ(made.status, 0) << made.err;
    const std::string report = read_file(file);
    ASSERT_EQ(report.size(), abi::kReportSize);
    EXPECT_EQ(host::to_hex(std::as_bytes(std::span{report}).subspan(0x50, abi::kReportDataSize)),
              data + std::string(2 * abi::kReportDataSize - data.size(), '0'));
    const auto predicted = command({"measure", "--platform", "sev-snp", "--firmware",
                                    host::find_rom(GetParam()).value().string(), "--cpu-model", "max"});
    EXPECT_EQ(made.out, predicted.out) << predicted.err;
}

TEST_P(DaemonTest, APausedEnclaveDoesNotGoOn) {
    const std::string id = detached({ticker(), "0", "0"});
    const auto size = [&] { return command({"logs", id}).out.size(); };
    EXPECT_TRUE(eventually([&] { return size() > 0; }));
    EXPECT_EQ(command({"pause", id}).status, 0);
    EXPECT_EQ(state_of(id), "paused");
    EXPECT_NE(command({"pause", id}).status, 0);
    std::this_thread::sleep_for(200ms);  // a line may be under way
    const std::size_t before = size();
    std::this_thread::sleep_for(1s);
    EXPECT_EQ(size(), before);
    EXPECT_EQ(command({"resume", id}).status, 0);
    EXPECT_TRUE(eventually([&] { return size() > before; }));
    EXPECT_EQ(command({"kill", "-s", "KILL", id}).status, 0);
    EXPECT_EQ(command({"wait", id}).status, 128 + SIGKILL);
    EXPECT_EQ(command({"rm", id}).status, 0);
    EXPECT_TRUE(all_is_given_back());
}

// The memory and time of each, while it lives and after.
TEST_P(DaemonTest, EachEnclaveIsAccountedFor) {
    const std::string computes = detached({(programs_dir() / "signals_outside").string(), "compute"});
    const std::string sleeps = detached({"busybox", "sleep", "1000"});
    const auto figure = [](const std::string& id, const char* name) {
        for (const Json& enclave : Json::parse(command({"ps", "-o", "json"}).out)) {
            if (std::to_string(enclave.at("id").get<int>()) == id) return host::get_or(enclave, name, -1.0);
        }
        return -1.0;
    };
    EXPECT_TRUE(eventually([&] { return figure(computes, "cpu_seconds") > 1; }));
    EXPECT_LT(figure(sleeps, "cpu_seconds"), figure(computes, "cpu_seconds"));
    for (const auto& id : {computes, sleeps}) {
        EXPECT_GT(figure(id, "bytes"), 64 << 10);
        EXPECT_LE(figure(id, "bytes"), figure(id, "limit_bytes"));
        EXPECT_EQ(figure(id, "limit_bytes"), 256 << 20);
    }
    EXPECT_TRUE(eventually([&] { return figure(computes, "calls") > 0; }));
    const auto top = command({"top"});
    EXPECT_NE(top.out.find("%CPU"), std::string::npos) << top.out;
    const Json both = Json::parse(command({"stats", "-o", "json"}).out);
    EXPECT_EQ(both.at("each").size(), 2u);
    EXPECT_EQ(command({"kill", "-s", "USR1", computes}).status, 0);
    EXPECT_EQ(command({"wait", computes}).status, 0);
    EXPECT_GT(figure(computes, "cpu_seconds"), 1);
    EXPECT_EQ(figure(computes, "bytes"), -1);
    EXPECT_EQ(command({"rm", "-f", sleeps}).status, 0);
    EXPECT_TRUE(all_is_given_back());
}

// What the daemon shows and writes for machines.
TEST_P(DaemonTest, MetricsAndEventsTellOfEveryEnclave) {
    const auto log_file = directory_ / "events";
    ASSERT_EQ(command({"vm", "start", "watched", "--memory", "128M", "--platform", platform(), "--metrics",
                       "0", "--log-file", log_file.string(), "--log-format", "json"})
                  .status,
              0);
    const auto vm = [](std::vector<std::string> words) {
        words.insert(words.begin() + 1, {"--vm", "watched"});
        return command(words);
    };
    const auto where = host::ask("watched", {{"op", "stats"}}).value().at("metrics").get<std::string>();
    const auto metrics = [&] {
        return run({"/usr/bin/python3", "-c",
                    "import sys, urllib.request as r; "
                    "print(r.urlopen('http://' + sys.argv[1] + '/metrics').read().decode())",
                    where})
            .out;
    };
    const auto shows = [&](const std::string& line) {
        return ("\n" + metrics()).find("\n" + line + "\n") != std::string::npos;
    };
    EXPECT_TRUE(shows("enclavisor_vm_up 1"));
    EXPECT_TRUE(shows("enclavisor_enclaves_started_total 0"));
    EXPECT_EQ(vm({"run", "-q", "busybox", "true"}).status, 0);
    EXPECT_EQ(vm({"run", "-q", "busybox", "sh", "-c", "kill -TERM $$"}).status, 143);
    EXPECT_EQ(vm({"run", "-q", "-d", "busybox", "sleep", "1000"}).status, 0);
    EXPECT_FALSE(host::ask("watched", {{"op", "run"}, {"detach", true}, {"target", "/no/such"}}).ok());
    for (const char* line :
         {"enclavisor_enclaves_started_total 3", "enclavisor_enclaves_ended_total{reason=\"exited\"} 1",
          "enclavisor_enclaves_ended_total{reason=\"signal\"} 1", "enclavisor_enclaves{state=\"running\"} 1",
          "enclavisor_enclaves_refused_total 1"})
        EXPECT_TRUE(shows(line)) << line << "\n" << metrics();
    EXPECT_NE(metrics().find("enclavisor_enclave_memory_bytes{id=\"3\",name=\"busybox\"} "),
              std::string::npos);
    EXPECT_EQ(command({"vm", "stop", "watched"}).status, 0);

    std::vector<std::string> events;
    std::istringstream lines{read_file(log_file)};
    for (std::string line; std::getline(lines, line);) events.push_back(Json::parse(line).at("event"));
    EXPECT_EQ(events, (std::vector<std::string>{"vm-started", "started", "ended", "started", "ended",
                                                "started", "refused", "ended", "vm-ended"}));
    EXPECT_NE(command({"vm", "start", "watched", "--metrics", "nowhere"}).err.find("no address"),
              std::string::npos);
    EXPECT_NE(command({"vm", "start", "watched", "--log-limit", "1K"}).err.find("64K or more"),
              std::string::npos);
}

// The command is taken by a vCPU that has nothing to do, while the program computes on another.
TEST_P(DaemonTest, ASignalReachesAProgramOnAnotherVcpu) {
    ASSERT_EQ(
        command({"vm", "start", "wide", "--memory", "128M", "--cpus", "2", "--platform", platform()}).status,
        0);
    for (int i = 0; i < 3; i++) {
        const auto begun = command(
            {"run", "--vm", "wide", "-q", "-d", (programs_dir() / "signals_outside").string(), "compute"});
        ASSERT_EQ(begun.status, 0) << begun.err;
        const std::string id = begun.out.substr(0, begun.out.find('\n'));
        EXPECT_TRUE(eventually([&] { return command({"logs", "--vm", "wide", id}).out == "ready\n"; }));
        EXPECT_EQ(command({"kill", "--vm", "wide", "-s", "USR1", id}).status, 0);
        EXPECT_EQ(command({"wait", "--vm", "wide", id}).status, 0);
        EXPECT_EQ(command({"logs", "--vm", "wide", id}).out, "ready\nSIGUSR1 code 0\ncomputed\n");
    }
    EXPECT_EQ(command({"vm", "stop", "wide"}).status, 0);
}

// Several enclaves of one run go by one number.
TEST_P(DaemonTest, GroupsAndInstancesRunThere) {
    const auto member = [&](const std::string& name, const std::string& script) {
        write_file(directory_ / (name + ".toml"),
                   "[loader]\nentrypoint = \"file:/bin/bash-static\"\nargv = [\"bash\", \"-c\", \"" + script +
                       "\"]\n[enclave]\nmemory_limit = \"32M\"\n");
    };
    member("a", "echo from a");
    member("b", "echo from b; exit 3");
    member("c", "trap 'exit 5' TERM; echo ready; while :; do :; done");
    const std::string group = directory_ / "group.toml", waiting = directory_ / "waiting.toml";
    write_file(group, "[group]\nmembers = [\"a.toml\", \"b.toml\"]\n");
    write_file(waiting, "[group]\nmembers = [\"c.toml\", \"c.toml\"]\n");
    const auto measured = command({"measure", group});
    const auto ran = command({"run", "--vm", "default", "--print-measurement", group});
    EXPECT_EQ(ran.status, 3) << ran.err;
    EXPECT_NE(ran.out.find("from a\n"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("from b\n"), std::string::npos) << ran.out;
    EXPECT_NE(ran.err.find(measured.out.substr(0, 96)), std::string::npos) << ran.err << measured.out;
    EXPECT_TRUE(all_is_given_back());

    // A signal is all members'.
    const std::string id = detached({waiting});
    EXPECT_TRUE(eventually([&] { return command({"logs", id}).out == "ready\nready\n"; }));
    EXPECT_EQ(Json::parse(command({"ps", "-o", "json"}).out).at(0).at("enclaves"), 2);
    EXPECT_EQ(command({"kill", id}).status, 0);
    EXPECT_EQ(command({"wait", id}).status, 5);
    const std::string other = detached({waiting});
    EXPECT_EQ(command({"kill", "-s", "KILL", other}).status, 0);
    EXPECT_EQ(command({"wait", other}).status, 128 + SIGKILL);
    EXPECT_EQ(command({"rm", id}).status + command({"rm", other}).status, 0);
    EXPECT_TRUE(all_is_given_back());

    write_file(directory_ / "template.toml",
               "[loader]\nentrypoint = \"file:/bin/bash-static\"\n"
               "argv = [\"bash\", \"-c\", \"read line; echo an instance; exit 4\"]\n"
               "[enclave]\nmemory_limit = \"32M\"\nfreeze = \"input\"\n");
    const auto three = command(
        {"run", "--vm", "default", "-q", "--instances", "3", (directory_ / "template.toml").string()});
    EXPECT_EQ(three.out, "an instance\nan instance\nan instance\n") << three.err;
    EXPECT_EQ(three.status, 4) << three.err;
    EXPECT_TRUE(all_is_given_back());
}

TEST_P(DaemonTest, LogsStayWithinTheirLimit) {
    ASSERT_EQ(
        command({"vm", "start", "small", "--memory", "128M", "--platform", platform(), "--log-limit", "64K"})
            .status,
        0);
    const auto vm = [](std::vector<std::string> words) {
        words.insert(words.begin() + 1, {"--vm", "small"});
        return command(words);
    };
    ASSERT_EQ(vm({"run", "-q", "-d", "busybox", "seq", "1", "200000"}).status, 0);
    EXPECT_EQ(vm({"wait", "1"}).status, 0);
    RunResult printed;
    EXPECT_TRUE(eventually([&] {
        printed = vm({"logs", "1"});
        return printed.out.size() <= 64 << 10;
    }));
    EXPECT_TRUE(printed.out.ends_with("\n199999\n200000\n")) << printed.out.size();
    const int first = std::stoi(printed.out);
    EXPECT_EQ(std::count(printed.out.begin(), printed.out.end(), '\n'), 200'000 - first + 1) << "whole lines";
    EXPECT_EQ(std::count(printed.err.begin(), printed.err.end(), '\n'), 1) << printed.err;
    EXPECT_NE(printed.err.find("cut off"), std::string::npos) << printed.err;
    EXPECT_EQ(command({"vm", "stop", "small"}).status, 0);
}

TEST_P(DaemonTest, ProgramsAreSentSignals) {
    const std::string id = detached({(programs_dir() / "signals_outside").string(), "handlers"});
    const auto log = [&] { return command({"logs", id}).out; };
    ASSERT_TRUE(eventually([&] { return log() == "ready\n"; })) << log();
    EXPECT_EQ(command({"kill", "-s", "HUP", id}).status, 0);
    ASSERT_TRUE(eventually([&] { return log() == "ready\nSIGHUP code 0\n"; })) << log();
    for (const char* name : {"SEGV", "STOP", "9x"}) {
        const auto refused = command({"kill", "-s", name, id});
        EXPECT_EQ(refused.status, host::kExitFailure);
        EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
    }
    // A paused one takes it when it goes on.
    EXPECT_EQ(command({"pause", id}).status, 0);
    EXPECT_EQ(command({"kill", id}).status, 0);
    EXPECT_EQ(state_of(id), "paused");
    EXPECT_EQ(command({"resume", id}).status, 0);
    EXPECT_EQ(command({"wait", id}).status, 7);
    EXPECT_EQ(log(), "ready\nSIGHUP code 0\nSIGTERM code 0\n");
    const auto late = command({"kill", id});
    EXPECT_NE(late.err.find("is ended"), std::string::npos) << late.err;
    EXPECT_EQ(command({"rm", id}).status, 0);
    // Without a handler it dies of it, and its client tells so.
    const std::string other = detached({"busybox", "sleep", "1000"});
    EXPECT_EQ(command({"kill", other}).status, 0);
    EXPECT_EQ(command({"wait", other}).status, 128 + SIGTERM);
    EXPECT_TRUE(all_is_given_back());
}

TEST_P(DaemonTest, AHostApplicationThatDiesTakesItsEnclaveAlong) {
    host::SpawnOptions spawn;
    auto client = host::Process::spawn(
        {enclavisor_command(), "run", "--vm", "default", "-q", "/bin/busybox", "sleep", "1000"}, spawn);
    ASSERT_TRUE(client.ok());
    ASSERT_TRUE(eventually([&] { return number("enclaves") == 2; })) << "it, and the attestation enclave";
    client->kill();
    EXPECT_TRUE(eventually([&] { return number("enclaves") == 1; }));
    EXPECT_TRUE(all_is_given_back());
    // Ctrl-C and the end of its time do the same.
    RunOptions interrupted;
    interrupted.signal = SIGINT;
    interrupted.signal_after = 1s;
    EXPECT_EQ(command({"run", "--vm", "default", "-q", "busybox", "sleep", "1000"}, interrupted).status, 130);
    EXPECT_EQ(command({"run", "--vm", "default", "-q", "--timeout", "1", "busybox", "sleep", "1000"}).status,
              host::kExitTimeout);
    EXPECT_TRUE(all_is_given_back());
}

TEST_P(DaemonTest, OneVmHasOneDaemonAndTheNextBeginsAnew) {
    const auto second = command({"vm", "start"});
    EXPECT_EQ(second.status, host::kExitFailure);
    EXPECT_NE(second.err.find("has a daemon already"), std::string::npos) << second.err;
    // Another name, another VM.
    EXPECT_EQ(command({"vm", "start", "other", "--memory", "128M"}).status, 0);
    EXPECT_EQ(Json::parse(command({"vm", "ls", "-o", "json"}).out).size(), 2u);
    EXPECT_EQ(command({"vm", "stop", "other"}).status, 0);

    const std::string id = detached({"busybox", "sleep", "1000"});
    ASSERT_EQ(::kill(pid_, SIGKILL), 0);
    const auto waited = command({"wait", id});
    EXPECT_EQ(waited.status, host::kExitFailure);
    ASSERT_TRUE(eventually([&] { return !host::is_locked(host::find_place(host::kDefaultVm).value()); }));
    EXPECT_NE(command({"ps"}).err.find("has no daemon"), std::string::npos);
    start();
    EXPECT_EQ(state_of(id), "none");
    EXPECT_EQ(command({"run", "--vm", "default", "-q", "busybox", "true"}).status, 0);
}

TEST_P(DaemonTest, ManyClientsAtOnce) {
    constexpr int kClients = 12;
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int i = 0; i < kClients; i++) {
        threads.emplace_back([i, &right] {
            const auto answer =
                command({"run", "--vm", "default", "-q", "busybox", "expr", std::to_string(i), "+", "1000"});
            if (answer.status == 0 && answer.out == std::to_string(1000 + i) + "\n") right++;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(right, kClients);
    EXPECT_TRUE(all_is_given_back());
}

// What a broken client sends ends its own conversation and nothing else.
TEST_P(DaemonTest, SurvivesClientsThatSpeakNonsense) {
    const auto place = host::find_place(host::kDefaultVm).value();
    std::mt19937_64 random{3};
    const std::string id = detached({"busybox", "sleep", "1000"});
    const Json requests[] = {Json::object(),
                             {{"op", 7}},
                             {{"op", "no such thing"}},
                             {{"op", "kill"}},
                             {{"op", "kill"}, {"id", "one"}},
                             {{"op", "kill"}, {"id", -1}},
                             {{"op", "kill"}, {"id", 1}, {"signal", 64000}},
                             {{"op", "kill"}, {"id", 1}, {"signal", -1}},
                             {{"op", "rm"}, {"id", 99}},
                             {{"op", "wait"}, {"id", 1e300}},
                             {{"op", "run"}},
                             {{"op", "run"}, {"target", "/bin/busybox"}},
                             {{"op", "run"}, {"detach", true}, {"target", "/"}},
                             {{"op", "run"}, {"detach", true}, {"target", "/bin/busybox"}, {"limit", "much"}},
                             {{"op", "run"}, {"detach", true}, {"target", 5}, {"arguments", 5}}};
    for (const Json& request : requests) {
        const auto answer = host::ask(host::kDefaultVm, request);
        EXPECT_FALSE(answer.ok()) << request << " " << answer.value();
    }
    for (int i = 0; i < 200; i++) {
        const auto socket = host::connect_to(place);
        ASSERT_TRUE(socket.ok());
        std::string bytes(random() % 64, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        if (i % 2 == 0 && bytes.size() > 4) bytes.replace(0, 4, std::string("\x10\0\0\0", 4));
        (void)::send(socket.value().get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    EXPECT_EQ(state_of(id), "running");
    EXPECT_EQ(command({"rm", "-f", id}).status, 0);
    EXPECT_TRUE(all_is_given_back());
}

}  // namespace
}  // namespace enclavisor::tests
