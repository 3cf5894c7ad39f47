// Two dozen enclaves of five kinds in one VM with a daemon, each with a client that checks every
// answer, for as long as ENCLAVISOR_SOAK_SECONDS says: no wrong answer, none who stands still, no
// memory that grows, and at the end everything is given back.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <sstream>
#include <thread>

#include "host/daemon/client.hpp"
#include "tests/support/command.hpp"
#include "tests/support/server.hpp"
#include "tests/support/tcp.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;
using host::Json;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

// An enclave, or one after the other, and its client.
class Tenant {
public:
    virtual ~Tenant() = default;
    // One question and its answer; what is wrong with it, or nothing. `number` is never the same.
    virtual std::string ask(std::uint64_t number) = 0;

    void run(const std::atomic<bool>& stop) {
        for (std::uint64_t i = 1; !stop; i++) {
            const std::string wrong = ask(i);
            if (!wrong.empty()) {
                std::lock_guard guard{mutex_};
                wrong_ = kind + ", answer " + std::to_string(i) + ": " + wrong;
                return;
            }
            answers++;
        }
    }
    std::string wrong() {
        std::lock_guard guard{mutex_};
        return wrong_;
    }
    std::string kind, id;  // `id`: of one that stays
    std::atomic<std::uint64_t> answers{0};

private:
    std::mutex mutex_;
    std::string wrong_;
};

// One that keeps a connection to its server.
class Client : public Tenant {
public:
    explicit Client(std::string port) : port_{std::move(port)} {}

protected:
    Connection& connection() {
        if (!connection_) connection_.emplace(port_);
        return *connection_;
    }
    // A new connection next.
    void hang_up() { connection_.reset(); }
    std::string port_;

private:
    std::optional<Connection> connection_;
};

std::string expected(const std::string& got, const std::string& wanted) {
    return got == wanted ? "" : "'" + got + "' instead of '" + wanted + "'";
}

class Redis final : public Client {
public:
    using Client::Client;
    std::string ask(std::uint64_t number) override {
        const std::string key = "key" + std::to_string(number % 100), value = std::to_string(number * number);
        Connection& server = connection();
        server.send("SET " + key + " " + value + "\r\nGET " + key + "\r\nINCR count\r\n");
        const std::string wanted = "+OK\r\n$" + std::to_string(value.size()) + "\r\n" + value +
                                   "\r\n:" + std::to_string(number) + "\r\n";
        const std::string got = server.bytes(wanted.size());
        if (number % 50 == 0) hang_up();
        return expected(got, wanted);
    }
};

class Memcached final : public Client {
public:
    using Client::Client;
    std::string ask(std::uint64_t number) override {
        const std::string key = "key" + std::to_string(number % 100), value = std::to_string(number * 7);
        Connection& server = connection();
        server.send("set " + key + " 0 0 " + std::to_string(value.size()) + "\r\n" + value + "\r\nget " +
                    key + "\r\n");
        const std::string wanted =
            "STORED\r\nVALUE " + key + " 0 " + std::to_string(value.size()) + "\r\n" + value + "\r\nEND\r\n";
        const std::string got = server.bytes(wanted.size());
        if (number % 50 == 0) hang_up();
        return expected(got, wanted);
    }
};

class Web : public Client {
public:
    using Client::Client;

protected:
    std::string get(const std::string& path) {
        Connection& server = connection();
        server.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const std::string head = server.until("\r\n\r\n");
        const std::size_t at = head.find("Content-Length: ");
        if (!head.starts_with("HTTP/1.1 200 ") || at == std::string::npos) return "no answer: " + head;
        return server.bytes(std::stoul(head.substr(at + 16)));
    }
};

class Nginx final : public Web {
public:
    Nginx(std::string port, std::string page) : Web{std::move(port)}, page_{std::move(page)} {}
    std::string ask(std::uint64_t number) override {
        const std::string got = get(number % 4 == 0 ? "/page" : "/fixed");
        if (number % 20 == 0) hang_up();
        return expected(got, number % 4 == 0 ? page_ : "fixed words\n");
    }

private:
    std::string page_;
};

class Python final : public Web {
public:
    using Web::Web;
    std::string ask(std::uint64_t number) override {
        const std::string got = get("/" + std::to_string(number));
        if (number % 20 == 0) hang_up();
        return expected(got, std::to_string(2 * number));
    }
};

// A new enclave for each question: a script with pipes and children.
class Script final : public Tenant {
public:
    std::string ask(std::uint64_t number) override {
        const std::string n = std::to_string(number % 1000);
        const auto ran =
            command({"run", "--vm", "default", "-q", "--limit", "64M", "/bin/bash-static", "-c",
                     "sum=0; for i in 1 2 3; do sum=$((sum + $(echo " + n +
                         " | while read x; do echo $((x * i)); done))); done; (exit 3); echo $sum $?"});
        return expected(ran.out + ran.err, std::to_string(number % 1000 * 6) + " 3\n");
    }
};

class Soak : public testing::TestWithParam<host::Platform> {
protected:
    Soak() { ::setenv("ENCLAVISOR_RUN_DIR", directory_.path().c_str(), 1); }
    void SetUp() override {
        const auto started = command({"vm", "start", "--memory", "1536M", "--cpus", "2", "--platform",
                                      host::platform_name(GetParam())});
        ASSERT_EQ(started.status, 0) << started.err;
        daemon_ = static_cast<pid_t>(figure("pid"));
        free_at_first_ = figure("free_frames");
        threads_at_first_ = status_of(daemon_, "Threads");
    }
    void TearDown() override {
        if (command({"vm", "stop"}).status != 0 && daemon_ > 0) ::kill(daemon_, SIGKILL);
        ::unsetenv("ENCLAVISOR_RUN_DIR");
    }
    static std::uint64_t figure(const char* name) {
        const auto answer = host::ask(host::kDefaultVm, {{"op", "stats"}});
        return answer.ok() ? host::get_or<std::uint64_t>(answer.value(), name, 0) : 0;
    }
    // Begins a server and adds its client once it listens.
    template <typename Kind, typename... More>
    void add(const char* kind, const std::string& port, const Words& program, More... more) {
        Words words{"run", "--vm", "default", "-q", "--detach", "--"};
        words.insert(words.end(), program.begin(), program.end());
        const auto begun = command(words);
        ASSERT_EQ(begun.status, 0) << begun.err;
        const std::string id = begun.out.substr(0, begun.out.find('\n'));
        ASSERT_TRUE(soon(60s, [&] { return accepts(port); })) << kind << command({"logs", id}).out;
        tenants_.push_back(std::make_unique<Kind>(port, more...));
        tenants_.back()->kind = kind;
        tenants_.back()->id = id;
    }
    void add_of_each_kind(int number) {
        std::string port = free_port();
        add<Redis>("redis", port,
                   {"/usr/bin/redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir",
                    directory_.path().string()});
        port = free_port();
        add<Memcached>(
            "memcached", port,
            {"/usr/bin/memcached", "-u", "root", "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "8"});
        port = free_port();
        const fs::path site = directory_ / ("site" + std::to_string(number));
        fs::create_directory(site);
        const std::string page(30'000, static_cast<char>('a' + number));
        write_file(site / "page", page);
        write_file(site / "conf",
                   std::string{::geteuid() == 0 ? "user root;\n" : ""} +
                       "daemon off; worker_processes 2; pid nginx.pid; error_log stderr;\n"
                       "events { worker_connections 64; }\nhttp { access_log off;\n"
                       "client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fast;\n"
                       "uwsgi_temp_path uwsgi; scgi_temp_path scgi; server { listen 127.0.0.1:" +
                       port + "; root .; location /fixed { return 200 \"fixed words\\n\"; } } }\n");
        add<Nginx>("nginx", port,
                   {"/usr/sbin/nginx", "-p", site.string(), "-c", (site / "conf").string(), "-e", "stderr"},
                   page);
        port = free_port();
        add<Python>("python", port,
                    {"/usr/bin/python3.11", "-I", "-B",
                     (source_dir() / "tests/programs/soak_server.py").string(), port});
        tenants_.push_back(std::make_unique<Script>());
        tenants_.back()->kind = "script";
    }
    // KiB of the daemon and the proxies, without QEMU, whose memory is the VM's.
    std::uint64_t host_memory() const {
        std::uint64_t sum = status_of(daemon_, "RssAnon");
        for (const pid_t pid : descendants(daemon_, "enclavisor-prox")) sum += status_of(pid, "RssAnon");
        return sum;
    }

    TempDir directory_;
    pid_t daemon_ = 0;
    std::uint64_t free_at_first_ = 0, threads_at_first_ = 0;
    std::vector<std::unique_ptr<Tenant>> tenants_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(Soak);

TEST_P(Soak, ManyEnclavesOfFiveKindsUnderLoad) {
    for (const char* program : {"/usr/bin/redis-server", "/usr/bin/memcached", "/usr/sbin/nginx",
                                "/usr/bin/python3.11", "/bin/busybox", "/bin/bash-static"}) {
        if (!fs::exists(program)) GTEST_SKIP() << program << " is not installed";
    }
    const bool is_long = soak_seconds(0) > 0;
    const std::size_t count = is_long ? 24 : 10;
    for (int i = 0; tenants_.size() < count; i++) {
        add_of_each_kind(i);
        if (HasFatalFailure()) return;
    }
    // One kind too many of the last round.
    while (tenants_.size() > count) {
        if (const auto& id = tenants_.back()->id; !id.empty()) command({"rm", "-f", id});
        tenants_.pop_back();
    }

    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (auto& tenant : tenants_) threads.emplace_back([&stop, &tenant] { tenant->run(stop); });
    const auto interval = is_long ? 30s : 8s;
    const auto end = Clock::now() + std::chrono::seconds{soak_seconds(24)};
    std::vector<std::uint64_t> before(tenants_.size());
    // After one interval everything is warm.
    std::uint64_t frames_warm = 0, host_warm = 0, frames = 0, host = 0;
    bool good = true;
    for (int round = 0; good && Clock::now() < end; round++) {
        std::this_thread::sleep_for(interval);
        for (std::size_t i = 0; i < tenants_.size(); i++) {
            const std::uint64_t now = tenants_[i]->answers;
            const std::string wrong = tenants_[i]->wrong();
            EXPECT_EQ(wrong, "");
            EXPECT_GT(now, before[i]) << tenants_[i]->kind << " " << tenants_[i]->id
                                      << " stands still in interval " << round << "\n"
                                      << command({"ps"}).out;
            good = good && wrong.empty() && now > before[i];
            before[i] = now;
        }
        frames = free_at_first_ - figure("free_frames");
        host = host_memory();
        if (round == (is_long ? 3 : 0)) {
            frames_warm = frames;
            host_warm = host;
        }
        if (is_long) std::cout << "frames " << frames << ", host KiB " << host << std::endl;
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    std::uint64_t answers = 0;
    for (const auto& tenant : tenants_) answers += tenant->answers;
    std::cout << answers << " answers; frames " << frames_warm << " to " << frames << ", host KiB "
              << host_warm << " to " << host << "\n";
    // What enclaves that come and go hold at the moment is in both.
    EXPECT_LT(frames, frames_warm + frames_warm / 5 + 4096);
    EXPECT_LT(host, host_warm + host_warm / 2 + 16'384);

    for (const auto& tenant : tenants_) {
        if (tenant->id.empty()) continue;
        EXPECT_EQ(command({"kill", tenant->id}).status, 0) << tenant->kind;
        RunOptions options;
        options.timeout = 60s;
        const auto waited = command({"wait", tenant->id}, options);
        EXPECT_FALSE(waited.timed_out) << tenant->kind << " does not end";
        EXPECT_TRUE(waited.status == 0 || waited.status == 128 + SIGTERM) << tenant->kind << waited.status;
        EXPECT_EQ(command({"rm", "-f", tenant->id}).status, 0) << tenant->kind;
    }
    EXPECT_TRUE(soon(60s, [&] { return figure("free_frames") == free_at_first_; }))
        << free_at_first_ - figure("free_frames") << " frames are gone";
    EXPECT_TRUE(soon(60s, [&] { return status_of(daemon_, "Threads") <= threads_at_first_; }))
        << status_of(daemon_, "Threads") << " threads of " << threads_at_first_;
    const std::size_t machine = host::has_simulated_exits(GetParam()) ? 2 : 1;
    EXPECT_TRUE(soon(60s, [&] { return descendants(daemon_).size() <= machine; }))
        << "only QEMU stays, and what stands for a simulation's hypervisor";
    EXPECT_EQ(command({"ps", "-o", "json"}).out, "[]\n");
}

}  // namespace
}  // namespace enclavisor::tests
