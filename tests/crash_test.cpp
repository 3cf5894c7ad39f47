// redis with an append-only file that is synchronised at each write, in an enclave whose proxy,
// daemon or command is killed, or whose disk gets full, at random moments: whatever it had
// acknowledged is in the file; the VM, if it lives, has every frame back; one line says what
// happened.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "host/daemon/client.hpp"
#include "host/daemon/place.hpp"
#include "tests/support/command.hpp"
#include "tests/support/server.hpp"
#include "tests/support/tcp.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

constexpr const char* kRedis = "/usr/bin/redis-server";

std::string value_of(unsigned key) {
    return std::string(key % 300, 'v') + std::to_string(key * 31);
}

// Sets key after key and counts what was acknowledged, until the connection breaks or
// the server says no.
class Writer {
public:
    explicit Writer(const std::string& port) : connection_{port}, thread_{[this] { run(); }} {}
    ~Writer() {
        if (thread_.joinable()) thread_.join();
    }
    unsigned acknowledged() const { return acknowledged_; }
    bool stopped() const { return stopped_; }

private:
    void run() {
        for (unsigned key = 0;; key++) {
            connection_.send("SET " + std::to_string(key) + " " + value_of(key) + "\r\n");
            if (connection_.until("\r\n") != "+OK\r\n") break;
            acknowledged_ = key + 1;
        }
        stopped_ = true;
    }
    Connection connection_;
    std::atomic<unsigned> acknowledged_{0};
    std::atomic<bool> stopped_{false};
    std::thread thread_;
};

class Crash : public testing::TestWithParam<host::Platform> {
protected:
    Crash() { ::setenv("ENCLAVISOR_RUN_DIR", directory_.path().c_str(), 1); }
    void SetUp() override {
        if (!fs::exists(kRedis)) GTEST_SKIP() << kRedis << " is not installed";
        rounds_ = soak_seconds(0) > 0 ? 12 : 2;
    }
    void TearDown() override {
        if (daemon_ > 0 && command({"vm", "stop"}).status != 0) ::kill(daemon_, SIGKILL);
        ::unsetenv("ENCLAVISOR_RUN_DIR");
    }
    void start_vm() {
        const auto started =
            command({"vm", "start", "--memory", "256M", "--platform", host::platform_name(GetParam())});
        ASSERT_EQ(started.status, 0) << started.err;
        daemon_ = static_cast<pid_t>(figure("pid"));
        free_at_first_ = figure("free_frames");
    }
    static std::uint64_t figure(const char* name) {
        const auto answer = host::ask(host::kDefaultVm, {{"op", "stats"}});
        return answer.ok() ? host::get_or<std::uint64_t>(answer.value(), name, 0) : 0;
    }
    static Words redis(const fs::path& data, const std::string& port) {
        return {kRedis,
                "--bind",
                "127.0.0.1",
                "--port",
                port,
                "--dir",
                data,
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--save",
                "",
                "--logfile",
                (data / "log").string()};
    }
    // Keys below `count` that a redis on the host does not find in `data`.
    std::size_t lost(const fs::path& data, unsigned count) {
        const std::string port = free_port();
        Server server{redis(data, port), directory_ / "native-log"};
        if (!server.listens(port)) {
            ADD_FAILURE() << "it does not take the file:\n" << read_file(data / "log");
            return count;
        }
        Connection connection{port};
        EXPECT_TRUE(soon(30s, [&] {
            connection.send("PING\r\n");
            return connection.until("\r\n") == "+PONG\r\n";
        }));
        std::size_t missing = 0;
        for (unsigned key = 0; key < count; key++) {
            connection.send("GET " + std::to_string(key) + "\r\n");
            const std::string size = connection.until("\r\n");
            const bool there = size.starts_with("$") && size != "$-1\r\n";
            missing += !there || connection.until("\r\n") != value_of(key) + "\r\n";
        }
        return missing;
    }

    enum class Where { kOwnVm, kDaemon };
    using Blow = std::function<void(Server&)>;
    // One run, its crash, and the look at what is left; how many writes were acknowledged.
    void crash(Where where, const fs::path& data, const Blow& blow, const std::string& message) {
        fs::create_directories(data);
        const std::string port = free_port();
        Words words{enclavisor_command(), "run", "-q"};
        if (where == Where::kDaemon)
            words.insert(words.end(), {"--vm", "default"});
        else
            words.insert(words.end(), {"--platform", host::platform_name(GetParam())});
        words.push_back("--");
        const Words program = redis(data, port);
        words.insert(words.end(), program.begin(), program.end());
        const fs::path said = directory_ / "said";
        fs::remove(said);
        Server server{words, said};
        ASSERT_TRUE(server.listens(port)) << read_file(said) << read_file(data / "log");
        {
            Writer writer{port};
            const unsigned moment = 5 + static_cast<unsigned>(random_() % 400);
            EXPECT_TRUE(soon(60s, [&] { return writer.acknowledged() >= moment || writer.stopped(); }));
            std::this_thread::sleep_for(std::chrono::microseconds{random_() % 20'000});
            EXPECT_FALSE(writer.stopped()) << read_file(said) << read_file(data / "log");
            blow(server);
            EXPECT_TRUE(soon(60s, [&] { return writer.stopped(); })) << "it goes on";
            EXPECT_TRUE(server.ended(60s)) << "the command does not end";
            if (!writer.stopped()) ::kill(-server.pid(), SIGKILL);
            acknowledged_ = writer.acknowledged();
        }
        EXPECT_GE(acknowledged_, 5u);
        const std::string text = read_file(said);
        if (message.empty()) {
            EXPECT_EQ(text, "");
        } else {
            EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
            EXPECT_TRUE(text.starts_with("enclavisor: ")) << text;
            EXPECT_NE(text.find(message), std::string::npos) << text;
            EXPECT_NE(text.find(" ("), std::string::npos) << "no cure in: " << text;
        }
    }
    static void kill_proxies(pid_t of) {
        const auto proxies = descendants(of, "enclavisor-prox");
        EXPECT_FALSE(proxies.empty());
        for (const pid_t pid : proxies) ::kill(pid, SIGKILL);
    }
    fs::path round(int number) const { return directory_ / ("data" + std::to_string(number)); }
    bool all_is_given_back() {
        return soon(30s, [&] { return figure("free_frames") == free_at_first_; });
    }

    TempDir directory_;
    std::mt19937_64 random_{static_cast<std::uint64_t>(soak_seconds(17))};
    pid_t daemon_ = 0;
    std::uint64_t free_at_first_ = 0;
    unsigned acknowledged_ = 0;
    int rounds_ = 0;
};
ENCLAVISOR_ON_ALL_PLATFORMS(Crash);

TEST_P(Crash, AKilledProxyLosesNoAcknowledgedWrite) {
    start_vm();
    for (int i = 0; i < rounds_; i++) {
        crash(
            Where::kDaemon, round(i), [&](Server&) { kill_proxies(daemon_); }, "proxy");
        EXPECT_EQ(lost(round(i), acknowledged_), 0u) << "of " << acknowledged_;
        EXPECT_TRUE(all_is_given_back());
    }
    for (int i = rounds_; i < 2 * rounds_; i++) {
        crash(
            Where::kOwnVm, round(i), [&](Server& server) { kill_proxies(server.pid()); }, "proxy");
        EXPECT_EQ(lost(round(i), acknowledged_), 0u) << "of " << acknowledged_;
    }
}

TEST_P(Crash, AKilledDaemonLosesNoAcknowledgedWrite) {
    for (int i = 0; i < rounds_; i++) {
        start_vm();
        std::vector<pid_t> below;
        crash(
            Where::kDaemon, round(i),
            [&](Server&) {
                below = descendants(daemon_);
                ::kill(daemon_, SIGKILL);
            },
            "daemon");
        EXPECT_EQ(lost(round(i), acknowledged_), 0u) << "of " << acknowledged_;
        EXPECT_GE(below.size(), 2u) << "QEMU and the proxy";
        for (const pid_t pid : below) EXPECT_TRUE(soon(10s, [&] { return ::kill(pid, 0) != 0; })) << pid;
        EXPECT_TRUE(soon(10s, [] { return !host::is_locked(host::find_place(host::kDefaultVm).value()); }));
        daemon_ = 0;
    }
}

TEST_P(Crash, AKilledVmLosesNoAcknowledgedWrite) {
    for (int i = 0; i < rounds_; i++) {
        crash(
            Where::kOwnVm, round(i),
            [&](Server& server) {
                const auto machines = descendants(server.pid(), "qemu");
                EXPECT_FALSE(machines.empty());
                for (const pid_t pid : machines) ::kill(pid, SIGKILL);
            },
            "QEMU");
        EXPECT_EQ(lost(round(i), acknowledged_), 0u) << "of " << acknowledged_;
    }
}

// The program itself sees the error, says so and ends: nothing for Enclavisor to add.
TEST_P(Crash, AFullDiskLosesNoAcknowledgedWrite) {
    const fs::path disk = directory_ / "disk";
    fs::create_directory(disk);
    if (::mount("none", disk.c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "a small file system cannot be mounted here (be root): " << std::strerror(errno);
    start_vm();
    for (const Where where : {Where::kDaemon, Where::kOwnVm}) {
        const fs::path data = disk / "data";
        crash(
            where, data, [&](Server&) { write_file(disk / "filler", std::string(2 << 20, 'f')); }, "");
        const std::string log = read_file(data / "log");
        fs::remove(disk / "filler");
        EXPECT_EQ(lost(data, acknowledged_), 0u) << "of " << acknowledged_;
        EXPECT_TRUE(all_is_given_back());
        fs::remove_all(data);
    }
    ::umount2(disk.c_str(), MNT_DETACH);
}

// The look at what is left sees what is not: else the tests above would prove nothing.
TEST_P(Crash, AFileThatIsCutOffIsNoticed) {
    crash(
        Where::kOwnVm, round(0), [&](Server& server) { kill_proxies(server.pid()); }, "proxy");
    const fs::path file = round(0) / "appendonlydir/appendonly.aof.1.incr.aof";
    ASSERT_GT(fs::file_size(file), 400u);
    fs::resize_file(file, fs::file_size(file) - 400);
    EXPECT_GT(lost(round(0), acknowledged_), 0u);
}

}  // namespace
}  // namespace enclavisor::tests
