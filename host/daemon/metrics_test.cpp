#include "host/daemon/metrics.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace enclavisor::host {
namespace {

constexpr const char* kNasty = "a\"b\\c\nd\xff{}";

Json vm() {
    return {{"version", "1.2"}, {"platform", "plain"}, {"cpus", 2},
            {"frames", 1000},   {"free_frames", 400},  {"idle_ticks", 12345}};
}

Json enclaves() {
    return {{{"id", 1},
             {"name", kNasty},
             {"state", "running"},
             {"bytes", 8192},
             {"calls", 5},
             {"cpu_seconds", 1.5}},
            {{"id", 2}, {"name", "old"}, {"state", "ended"}, {"calls", 7}, {"cpu_seconds", 2.0}}};
}

Totals totals() {
    Totals totals;
    totals.started = 3;
    totals.ended = {{"exited", 1}, {"stopped", 1}};
    totals.calls = 100;
    return totals;
}

// What `promtool check metrics` says of it, and its exit status.
std::pair<int, std::string> promtool(const std::string& text) {
    std::string name = "/tmp/enclavisor-metrics-XXXXXX";
    const Fd file{::mkstemp(name.data())};
    EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    FILE* pipe = ::popen(("promtool check metrics <" + name + " 2>&1").c_str(), "r");
    std::string said;
    for (int c; (c = std::fgetc(pipe)) != EOF;) said += static_cast<char>(c);
    const int status = ::pclose(pipe);
    ::unlink(name.c_str());
    return {status, said};
}

TEST(Metrics, PromtoolAcceptsThem) {
    if (std::system("promtool --version >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "promtool is of the package prometheus, which is not asked for: it is a service";
    for (const Json& state : {vm(), Json::object()}) {
        const std::string text = metrics_text(state, enclaves(), totals());
        const auto [status, said] = promtool(text);
        EXPECT_EQ(status, 0) << said << text;
        EXPECT_EQ(said, "");
    }
    EXPECT_NE(promtool("enclavisor_x{ 1\n").first, 0) << "and would not accept anything";
}

TEST(Metrics, AddUpWhatLivesAndWhatHasEnded) {
    const std::string text = metrics_text(vm(), enclaves(), totals());
    for (const char* line :
         {"\nenclavisor_vm_up 1\n", "\nenclavisor_enclaves{state=\"running\"} 1\n",
          "\nenclavisor_enclaves{state=\"paused\"} 0\n", "\nenclavisor_enclaves_started_total 3\n",
          "\nenclavisor_enclaves_ended_total{reason=\"stopped\"} 1\n",
          "\nenclavisor_forwarded_calls_total 105\n", "\nenclavisor_cpu_seconds_total 1.5\n",
          "\nenclavisor_enclave_memory_bytes{id=\"1\",name=\"a\\\"b\\\\c?d?{}\"} 8192\n",
          "\nenclavisor_build_info{version=\"1.2\",platform=\"plain\"} 1\n"}) {
        EXPECT_NE(("\n" + text).find(line), std::string::npos) << line << text;
    }
    EXPECT_EQ(text.find("name=\"old\""), std::string::npos);
    EXPECT_NE(metrics_text(Json::object(), Json::array(), {}).find("enclavisor_vm_up 0\n"),
              std::string::npos);
}

class MetricsHttp : public testing::Test {
protected:
    MetricsHttp() : server_{MetricsServer::start("0", [] { return std::string{"text 1\n"}; }).take()} {}
    Fd connect() const {
        const std::string& address = server_->address();
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
        return socket;
    }
    std::string ask(const std::string& request) const {
        const Fd socket = connect();
        (void)::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
        ::shutdown(socket.get(), SHUT_WR);
        std::string answer;
        char part[4096];
        for (ssize_t got; (got = ::recv(socket.get(), part, sizeof part, 0)) > 0;)
            answer.append(part, static_cast<std::size_t>(got));
        return answer;
    }
    static std::string get(const std::string& path, const std::string& method = "GET") {
        return method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    }
    std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsHttp, AnswersOneQuestion) {
    EXPECT_EQ(server_->address().substr(0, 10), "127.0.0.1:");
    const std::string answer = ask(get("/metrics"));
    EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK") << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\ntext 1\n")) << answer;
    EXPECT_NE(ask(get("/")).find(" 404 "), std::string::npos);
    EXPECT_NE(ask(get("/metrics/../../etc/passwd")).find(" 404 "), std::string::npos);
    EXPECT_NE(ask(get("/metrics", "DELETE")).find(" 405 "), std::string::npos);
}

TEST_F(MetricsHttp, NonsenseDoesNotHurtIt) {
    std::mt19937_64 random{5};
    for (int i = 0; i < 300; i++) {
        std::string request = get("/metrics");
        for (int j = 0; j < 8; j++) request[random() % request.size()] = static_cast<char>(random());
        if (i % 3 == 0) request = std::string(random() % 100'000, static_cast<char>(random()));
        const Fd socket = connect();
        (void)::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
    }
    // Whoever opens connections and says nothing keeps nobody else out for long.
    std::vector<Fd> silent;
    for (int i = 0; i < 40; i++) silent.push_back(connect());
    silent.clear();
    EXPECT_NE(ask(get("/metrics")).find("text 1"), std::string::npos);
}

TEST_F(MetricsHttp, StopsAmongNonsense) {
    const std::string nonsense = "GET /metrics HTTP/9.9\r\n\r\n";
    for (int i = 0; i < 100; i++) {
        std::vector<Fd> sockets;
        for (int j = 0; j < 12; j++) {
            sockets.push_back(connect());
            (void)::send(sockets.back().get(), nonsense.data(), nonsense.size(), MSG_NOSIGNAL);
        }
        server_ = MetricsServer::start("0", [] { return std::string{"text 1\n"}; }).take();
    }
    EXPECT_NE(ask(get("/metrics")).find("text 1"), std::string::npos);
}

TEST(MetricsAddress, BadOnesAreRefused) {
    const auto start = [](const std::string& where) {
        return MetricsServer::start(where, [] { return std::string{}; });
    };
    for (const char* where : {"", ":", "x", "localhost:1", "127.0.0.1", "127.0.0.1:", "::1:80", "1.2.3.4.5:6",
                              "127.0.0.1:99999", "127.0.0.1:-1"})
        EXPECT_FALSE(start(where).ok()) << where;
    const auto first = start("127.0.0.1:0");
    ASSERT_TRUE(first.ok());
    EXPECT_FALSE(start(first.value()->address()).ok()) << "it is taken";
}

}  // namespace
}  // namespace enclavisor::host
