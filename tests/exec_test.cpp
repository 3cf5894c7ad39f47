// enclavisor exec: another program in a running enclave, if the enclave's own configuration allows it.
// First: GCC 12 thinks that its enumerators shadow those of abi/host/control.hpp.
#include "abi/host/forwarded_calls.hpp"
//
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "abi/host/execution.hpp"
#include "abi/host/io_area.hpp"
#include "host/daemon/client.hpp"
#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/lib/execution.hpp"
#include "host/proxy/executor.hpp"
#include "tests/support/command.hpp"
#include "tests/support/server.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

using Words = std::vector<std::string>;
using namespace std::chrono_literals;

constexpr const char* kGoesOn = "while :; do sleep 1; done";

// busybox, which allows one of its applets with fixed arguments, and one with any.
std::string manifest() {
    return std::string{
               "entrypoint = \"file:/bin/busybox\"\n"
               "argv = [\"busybox\", \"sh\", \"-c\", \""} +
           kGoesOn +
           "\"]\n"
           "env.GREETING = \"hello\"\n"
           "env.PATH = \"/tools\"\n"
           "exec.allow = [[\"/bin/busybox\", \"sh\", \"-c\", \"echo $GREETING\"], \"/tools/wc\"]\n"
           "[[fs.mounts]]\ntype = \"trusted\"\npath = \"/bin/busybox\"\nuri = \"file:/bin/busybox\"\n"
           "[[fs.mounts]]\ntype = \"trusted\"\npath = \"/tools/wc\"\nuri = \"file:/bin/busybox\"\n"
           "[[fs.mounts]]\ntype = \"trusted\"\npath = \"/tools/sh\"\nuri = \"file:/bin/busybox\"\n";
}

// --- Through the daemon -----------------------------------------------------

class ExecTest : public testing::TestWithParam<host::Platform> {
protected:
    ExecTest() { ::setenv("ENCLAVISOR_RUN_DIR", directory_.path().c_str(), 1); }
    void SetUp() override {
        const auto started =
            command({"vm", "start", "--memory", "256M", "--platform", host::platform_name(GetParam())});
        ASSERT_EQ(started.status, 0) << started.err;
        free_at_first_ = free_frames();
    }
    void TearDown() override {
        const auto all = host::ask(host::kDefaultVm, {{"op", "ps"}});
        EXPECT_TRUE(all.ok());
        if (all.ok()) {
            for (const host::Json& enclave : all.value().at("enclaves"))
                command({"rm", "-f", std::to_string(enclave.at("id").get<int>())});
        }
        EXPECT_TRUE(soon(60s, [&] { return free_frames() == free_at_first_; }));
        command({"vm", "stop"});
        ::unsetenv("ENCLAVISOR_RUN_DIR");
    }
    // Its number.
    static std::string detached(Words program) {
        program.insert(program.begin(), {"run", "--vm", "default", "-q", "--detach"});
        const auto begun = command(program);
        EXPECT_EQ(begun.status, 0) << begun.err;
        return begun.out.substr(0, begun.out.find('\n'));
    }
    static RunResult exec(const std::string& id, Words words, const RunOptions& options = {}) {
        words.insert(words.begin(), {"exec", id, "--"});
        return command(words, options);
    }
    static Words exec_command(const std::string& id, const std::string& script) {
        return {enclavisor_command(), "exec", id, "busybox", "sh", "-c", script};
    }
    static std::uint64_t free_frames() {
        const auto answer = host::ask(host::kDefaultVm, {{"op", "stats"}});
        return answer.ok() ? host::get_or<std::uint64_t>(answer.value(), "free_frames", 0) : 0;
    }
    static bool is_ready(const std::filesystem::path& log) {
        return soon(60s, [&] { return read_file(log) == "ready\n"; });
    }

    TempDir directory_;
    std::uint64_t free_at_first_ = 0;
};
ENCLAVISOR_ON_ALL_PLATFORMS(ExecTest);

TEST_P(ExecTest, RunsAnotherProgramBesideTheFirst) {
    const std::string id = detached({"--allow-exec", "busybox", "sh", "-c", kGoesOn});
    write_file(directory_ / "input", "one\ntwo\n");
    RunOptions options;
    options.standard_input = directory_ / "input";
    const auto ran =
        exec(id, {"busybox", "sh", "-c", "cat; echo oops >&2; echo \"$1\"; exit 7", "sh", "a  b"}, options);
    EXPECT_EQ(ran.status, 7);
    EXPECT_EQ(ran.out, "one\ntwo\na  b\n");
    EXPECT_EQ(ran.err, "oops\n");
    // Pipes, children, and death by a signal.
    EXPECT_EQ(exec(id, {"busybox", "sh", "-c", "seq 5 | wc -l; (exit 3); echo $?"}).out, "5\n3\n");
    EXPECT_EQ(exec(id, {"busybox", "sh", "-c", "kill -9 $$"}).status, 128 + SIGKILL);
    expect_complaint(exec(id, {"no-such-program"}), 127, {"no-such-program"});
    expect_complaint(exec(id, {"/etc/hostname"}), 126, {"/etc/hostname"});
    // Who ends the enclave ends all in it.
    Server beside{exec_command(id, "echo ready; " + std::string{kGoesOn}), directory_ / "log"};
    ASSERT_TRUE(is_ready(directory_ / "log")) << read_file(directory_ / "log");
    EXPECT_EQ(command({"kill", "-s", "KILL", id}).status, 0);
    EXPECT_TRUE(beside.ended(60s));
    EXPECT_NE(beside.status(), 0);
    expect_complaint(exec(id, {"busybox", "true"}), host::kExitFailure, {"enclave " + id, "ended"});
    expect_complaint(exec("99", {"busybox", "true"}), host::kExitFailure, {"no enclave 99"});
    expect_complaint(command({"exec", id}), host::kExitFailure, {"no program"});
}

TEST_P(ExecTest, ManyClientsAtOnce) {
    const std::string id = detached({"--allow-exec", "busybox", "sh", "-c", kGoesOn});
    constexpr int kClients = 6, kTimes = 5;
    std::vector<std::thread> clients;
    std::atomic<int> right{0};
    for (int client = 0; client < kClients; client++) {
        clients.emplace_back([&, client] {
            for (int i = 0; i < kTimes; i++) {
                const std::string word = std::to_string(client * kTimes + i);
                const auto told = exec(id, {"busybox", "sh", "-c", "echo " + word + " | cat; exit " + word});
                right += told.out == word + "\n" && told.status == client * kTimes + i;
            }
        });
    }
    for (auto& client : clients) client.join();
    EXPECT_EQ(right, kClients * kTimes);
    EXPECT_EQ(exec(id, {"busybox", "true"}).status, 0);
}

// The enclave is there as long as one of its programs, and ends with the first one's status.
TEST_P(ExecTest, OutlivesTheFirstProgram) {
    const auto ending = [](const std::string& how) {
        return "trap '" + how + "' TERM; echo ready; " + kGoesOn;
    };
    const std::string id = detached({"--allow-exec", "busybox", "sh", "-c", ending("echo gone; exit 4")});
    EXPECT_TRUE(soon(60s, [&] { return command({"logs", id}).out == "ready\n"; }));
    Server beside{exec_command(id, ending("exit 5")), directory_ / "log"};
    ASSERT_TRUE(is_ready(directory_ / "log")) << read_file(directory_ / "log");
    EXPECT_EQ(command({"kill", id}).status, 0);
    EXPECT_TRUE(soon(60s, [&] { return command({"logs", id}).out == "ready\ngone\n"; }));
    EXPECT_EQ(exec(id, {"busybox", "echo", "still"}).out, "still\n");
    EXPECT_EQ(::kill(beside.pid(), SIGTERM), 0);
    EXPECT_TRUE(beside.ended(60s));
    EXPECT_EQ(beside.status(), 5);
    EXPECT_EQ(command({"wait", id}).status, 4);
}

TEST_P(ExecTest, SignalsReachTheProgramAndItEndsWithItsClient) {
    const std::string id = detached({"--allow-exec", "busybox", "sh", "-c", kGoesOn});
    const std::filesystem::path log = directory_ / "log";
    {
        Server asked{exec_command(id, "trap 'echo caught; exit 5' TERM; echo ready; " + std::string{kGoesOn}),
                     log};
        ASSERT_TRUE(is_ready(log)) << read_file(log);
        ASSERT_EQ(::kill(asked.pid(), SIGTERM), 0);
        EXPECT_TRUE(asked.ended(60s));
        EXPECT_EQ(asked.status(), 5);
        EXPECT_EQ(read_file(log), "ready\ncaught\n");
    }
    // So many at a time; those whose client is killed make room.
    std::vector<std::unique_ptr<Server>> many;
    for (unsigned i = 0; i < abi::kMaxExecutions; i++) {
        const auto own = directory_ / ("log" + std::to_string(i));
        many.push_back(
            std::make_unique<Server>(exec_command(id, "echo ready; " + std::string{kGoesOn}), own));
        ASSERT_TRUE(is_ready(own)) << i << ": " << read_file(own);
    }
    expect_complaint(exec(id, {"busybox", "true"}), host::kExitFailure, {"no further process"});
    for (const auto& client : many) ::kill(client->pid(), SIGKILL);
    EXPECT_TRUE(soon(60s, [&] { return exec(id, {"busybox", "true"}).status == 0; }));
    EXPECT_EQ(command({"kill", id}).status, 0);
    EXPECT_EQ(command({"wait", id}).status, 128 + SIGTERM)
        << "the first program is what the enclave ends with";
}

TEST_P(ExecTest, OnlyWhatTheConfigurationAllows) {
    EXPECT_NE(command({"measure", "busybox"}).out, command({"measure", "--allow-exec", "busybox"}).out);
    const std::string closed = detached({"busybox", "sh", "-c", kGoesOn});
    expect_complaint(exec(closed, {"busybox", "true"}), host::kExitFailure,
                     {"lets nothing be started", "exec.allow", "--allow-exec"});
    write_file(directory_ / "some.toml", manifest());
    const std::string some = detached({(directory_ / "some.toml").string()});
    const auto greeted = exec(some, {"/bin/busybox", "sh", "-c", "echo $GREETING"});
    EXPECT_EQ(greeted.status, 0) << greeted.err;
    EXPECT_EQ(greeted.out, "hello\n") << "the environment is the manifest's";
    write_file(directory_ / "input", "one\ntwo\n");
    RunOptions options;
    options.standard_input = directory_ / "input";
    EXPECT_EQ(exec(some, {"/tools/wc", "-l"}, options).out, "2\n");
    EXPECT_EQ(exec(some, {"wc", "-c"}, options).out, "8\n") << "found by the manifest's PATH";
    for (const Words& words :
         {Words{"/bin/busybox", "sh", "-c"}, Words{"/bin/busybox", "sh", "-c", "echo $PATH"},
          Words{"/bin/busybox", "sh", "-c", "echo $GREETING", ""}, Words{"/bin/busybox"},
          Words{"/tools/sh", "-c", "echo $GREETING"}, Words{"sh"}, Words{"/tools/../tools/wc"},
          Words{"tools/wc"}, Words{"/tools/"}}) {
        SCOPED_TRACE(words.back());
        expect_complaint(exec(some, words), 126, {"does not allow '" + words[0] + "'", "exec.allow"});
    }
}

// --- A host that asks by itself ---------------------------------------------

// An enclave whose calls the test answers: honestly, but for the channel and the standard streams. They
// are numbers that no file has: an enclave that is handed rubbish closes rubbish, which must not be what
// the test's own machine hangs on.
class Asked {
public:
    static constexpr std::int32_t kChannel = 1000;
    static constexpr std::int32_t kStandard[3] = {2000, 2001, 2002};

    Asked(host::Machine& machine, const host::Application& application) : machine_{machine} {
        auto built = host::Enclave::build(machine, application.image);
        if (!built.ok()) throw std::runtime_error{built.error().text()};
        enclave_.emplace(built.take());
        executor_.serve_hashes(enclave_->hashes());
        enclave_->attach_handler([this](const abi::SubmissionEntry& entry, std::span<std::byte> data) {
            return answer(entry, data);
        });
    }
    host::Enclave& enclave() { return *enclave_; }
    // The word that is there afterwards.
    std::uint64_t ask(std::uint64_t word) {
        __atomic_store_n(&slot(), word, __ATOMIC_RELEASE);
        (void)machine_.control().call(abi::Command::kInterrupt, {enclave_->handle()});
        soon(60s, [&] { return __atomic_load_n(&slot(), __ATOMIC_ACQUIRE) != word; });
        return __atomic_load_n(&slot(), __ATOMIC_ACQUIRE);
    }
    void request(std::vector<std::byte> bytes) {
        std::lock_guard guard{mutex_};
        request_ = std::move(bytes);
        answered_ = false;
    }
    // What it says of the process that was asked for; absent: nothing, for a minute.
    std::optional<abi::ExecutionAnswer> answered() {
        if (!soon(60s, [&] { return answered_.load(); })) return std::nullopt;
        std::lock_guard guard{mutex_};
        return answer_;
    }
    unsigned reads() const { return reads_; }    // of the channel
    unsigned writes() const { return writes_; }  // of the word "secret"

private:
    std::uint64_t& slot() {
        return reinterpret_cast<abi::IoHeader*>(enclave_->io().bytes().data())->execution;
    }
    std::int64_t answer(const abi::SubmissionEntry& entry, std::span<std::byte> data) {
        using C = abi::ForwardedCall;
        const auto call = static_cast<C>(entry.call);
        const std::uint64_t offset = entry.arguments[1], size = entry.arguments[2];
        const auto descriptor = static_cast<std::int32_t>(entry.arguments[0]);
        if (descriptor < kChannel && descriptor >= AT_FDCWD) return executor_.execute(entry, data);
        if (descriptor != kChannel) {
            if (call != C::kWrite) return call == C::kClose ? 0 : -EBADF;
            writes_ +=
                offset + size <= data.size() &&
                std::string_view{reinterpret_cast<const char*>(data.data()) + offset, size} == "secret\n";
            return static_cast<std::int64_t>(size);
        }
        std::lock_guard guard{mutex_};
        if (call == C::kRead) {
            reads_++;
            std::memcpy(data.data() + offset, request_.data(), request_.size());
            return static_cast<std::int64_t>(request_.size());
        }
        if (call == C::kWrite && size == sizeof(answer_)) {
            std::memcpy(&answer_, data.data() + offset, sizeof(answer_));
            answered_ = true;
            return sizeof(answer_);
        }
        return call == C::kClose ? 0 : -EBADF;
    }

    host::Machine& machine_;
    std::optional<host::Enclave> enclave_;
    host::Executor executor_{{}};
    std::mutex mutex_;
    std::vector<std::byte> request_;
    abi::ExecutionAnswer answer_{};
    std::atomic<bool> answered_ = false;
    std::atomic<unsigned> reads_ = 0, writes_ = 0;
};

std::vector<std::byte> request_for(const Words& words) {
    return host::execution_request(words, Asked::kStandard).take();
}

class ExecHost : public OwnMachine {
protected:
    static void begin(Asked& asked, const Words& arguments) {
        host::StartParameters start;
        start.arguments = arguments;
        ASSERT_TRUE(asked.enclave().hand_over(start).ok());
        ASSERT_TRUE(asked.enclave().start().ok());
    }

    TempDir directory_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(ExecHost);

const Words kShell = {"busybox", "sh", "-c", kGoesOn};
const Words kTell = {"/bin/busybox", "echo", "secret"};

TEST_P(ExecHost, TheRuntimeRefusesByItself) {
    auto application = host::describe_program("/bin/busybox", 32ull << 20);
    ASSERT_TRUE(application.ok());
    Asked asked{*machine_, *application};
    begin(asked, kShell);
    asked.request(request_for(kTell));
    EXPECT_EQ(asked.ask(abi::execution_word(Asked::kChannel)), abi::kExecutionForbidden);
    EXPECT_EQ(asked.ask(abi::execution_word(Asked::kChannel, SIGKILL)), abi::kExecutionForbidden);
    std::mt19937_64 random{7};
    for (int i = 0; i < 200; i++) {
        std::uint64_t word = random() >> (random() % 64);
        if (word == 0 || word >= abi::kExecutionRefused) word = 1;
        ASSERT_EQ(asked.ask(word), abi::kExecutionForbidden) << word;
    }
    EXPECT_EQ(asked.reads(), 0u);
    EXPECT_EQ(asked.writes(), 0u);
    EXPECT_TRUE(asked.enclave().signal(SIGTERM).ok()) << "its program goes on";
    const auto status = asked.enclave().wait(std::chrono::seconds{60});
    ASSERT_TRUE(status);
}

TEST_P(ExecHost, TheRuntimeAllowsWhatIsMeasured) {
    auto open = host::describe_program("/bin/busybox", 32ull << 20, true);
    ASSERT_TRUE(open.ok());
    Asked asked{*machine_, *open};
    begin(asked, kShell);
    asked.request(request_for(kTell));
    EXPECT_EQ(asked.ask(abi::execution_word(Asked::kChannel)), 0u);
    auto told = asked.answered();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->error, 0);
    EXPECT_EQ(told->status, 0);
    EXPECT_EQ(asked.writes(), 1u);
    EXPECT_EQ(asked.ask(abi::execution_word(Asked::kChannel, SIGTERM)), abi::kExecutionRefused) << "it ended";
    EXPECT_EQ(asked.ask(abi::execution_word(-2)), abi::kExecutionRefused);
    std::mt19937_64 random{8};
    for (int i = 0; i < 200; i++) {
        const auto word = abi::execution_word(static_cast<std::int32_t>(random()),
                                              static_cast<int>(1 + random() % 0x7fff'ffff));
        ASSERT_EQ(asked.ask(word), abi::kExecutionRefused) << word;
    }
    // Rubbish in the channel ends the process that reads it, and nothing else.
    std::set<std::int32_t> errors;
    for (int i = 0; i < 100; i++) {
        auto bytes = request_for(kTell);
        switch (i % 3) {
            case 0:
                bytes.resize(random() % bytes.size());
                break;
            case 1:
                bytes[random() % sizeof(abi::ExecutionRequest)] ^= std::byte{0x80};
                break;
            default:
                for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
        }
        asked.request(bytes);
        ASSERT_EQ(asked.ask(abi::execution_word(Asked::kChannel)), 0u) << i;
        told = asked.answered();
        ASSERT_TRUE(told) << i;
        errors.insert(told->error);
        EXPECT_TRUE(i % 3 == 1 || told->error == -EINVAL) << i << ": " << told->error;
    }
    EXPECT_EQ(errors, (std::set<std::int32_t>{-EINVAL, 0})) << "0: what differs in a descriptor only";
    const unsigned before = asked.writes();
    asked.request(request_for(kTell));
    EXPECT_EQ(asked.ask(abi::execution_word(Asked::kChannel)), 0u);
    told = asked.answered();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->status, 0);
    EXPECT_EQ(asked.writes(), before + 1);
}

TEST_P(ExecHost, AManifestsListIsTheRuntimesToo) {
    write_file(directory_ / "some.toml", manifest());
    auto application = host::describe_manifest(directory_ / "some.toml");
    ASSERT_TRUE(application.ok()) << application.error().text();
    Asked asked{*machine_, *application};
    begin(asked, {});
    for (const Words& words : {kTell, Words{"/tools/sh", "-c", "echo secret"}}) {
        asked.request(request_for(words));
        EXPECT_EQ(asked.ask(abi::execution_word(Asked::kChannel)), 0u);
        const auto told = asked.answered();
        ASSERT_TRUE(told);
        EXPECT_EQ(told->error, -EPERM);
    }
    EXPECT_EQ(asked.writes(), 0u);
    asked.request(request_for({"/bin/busybox", "sh", "-c", "echo $GREETING"}));
    EXPECT_EQ(asked.ask(abi::execution_word(Asked::kChannel)), 0u);
    const auto told = asked.answered();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->error, 0);
    EXPECT_EQ(told->status, 0);
}

}  // namespace
}  // namespace enclavisor::tests
