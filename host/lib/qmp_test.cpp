#include "host/lib/qmp.hpp"

#include <gtest/gtest.h>

#include "host/lib/paths.hpp"
#include "host/lib/process.hpp"
#include "host/lib/test_qmp_peer.hpp"

namespace enclavisor::host {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

// A QEMU without a machine, or with one that waits.
class RealQemu : public testing::Test {
protected:
    void start(std::vector<std::string> more) {
        const auto qemu = find_qemu();
        if (!qemu) GTEST_SKIP() << qemu.error().text();
        auto [ours, its] = socket_pair(SOCK_STREAM).take();
        std::vector<std::string> line{qemu.value().string(),
                                      "-nodefaults",
                                      "-no-user-config",
                                      "-display",
                                      "none",
                                      "-chardev",
                                      "socket,id=qmp,fd=" + std::to_string(its.get()),
                                      "-mon",
                                      "chardev=qmp,mode=control"};
        line.insert(line.end(), more.begin(), more.end());
        auto process = Process::spawn(line, {.inherit = {its.get()}});
        ASSERT_TRUE(process) << process.error().text();
        process_.emplace(process.take());
        its.reset();
        auto qmp = Qmp::connect(std::move(ours), 60s);
        ASSERT_TRUE(qmp) << qmp.error().text();
        qmp_.emplace(qmp.take());
    }
    Json ask(const std::string& command, Json arguments = nullptr) {
        auto answer = qmp_->execute(command, std::move(arguments));
        EXPECT_TRUE(answer) << answer.error().text();
        return answer ? answer.take() : Json{};
    }
    std::string refusal(const std::string& command, Json arguments = nullptr) {
        const auto answer = qmp_->execute(command, std::move(arguments));
        EXPECT_FALSE(answer) << answer.value().dump();
        return answer ? "" : answer.error().cause;
    }

    std::optional<Process> process_;
    std::optional<Qmp> qmp_;
};

TEST_F(RealQemu, SaysWhatItIsAndWhatItRefuses) {
    start({"-machine", "none"});
    if (IsSkipped()) return;
    EXPECT_GE(ask("query-version")["qemu"]["major"], 7);
    EXPECT_FALSE(ask("query-sev")["enabled"].get<bool>());
    EXPECT_TRUE(refusal("query-sev-capabilities").starts_with("QEMU refuses query-sev-capabilities: "));
    EXPECT_TRUE(refusal("query-sev-launch-measure").starts_with("QEMU refuses query-sev-launch-measure: "));
    EXPECT_NE(refusal("no-such-command").find("no-such-command"), std::string::npos);
    EXPECT_NE(refusal("query-status", {{"nonsense", 1}}).find("nonsense"), std::string::npos);
    // It goes on after all that.
    EXPECT_TRUE(ask("query-status")["running"].get<bool>());
}

TEST_F(RealQemu, WaitsUntilItIsToldToGoOn) {
    start({"-machine", "q35,accel=tcg", "-m", "64M", "-S"});
    if (IsSkipped()) return;
    EXPECT_EQ(ask("query-status")["status"], "prelaunch");
    ask("cont");  // events come before its answer
    EXPECT_EQ(ask("query-status")["status"], "running");
    (void)qmp_->execute("quit");
    EXPECT_TRUE(refusal("query-status").starts_with("QEMU's monitor ")) << "it has ended";
}

std::string connected(const std::string& greeting, std::vector<QmpPeer::Turn> turns) {
    QmpPeer peer{std::move(turns), greeting};
    auto qmp = Qmp::connect(peer.take_client(), 60s);
    return qmp ? "" : qmp.error().cause;
}

TEST(Qmp, WhatIsNoMonitorIsToldApart) {
    const std::vector<QmpPeer::Turn> good = QmpPeer::after_greeting({});
    EXPECT_EQ(connected(QmpPeer::kGreeting, good), "");
    EXPECT_EQ(connected(R"({"hello": 1})", good), "QEMU's monitor does not greet");
    EXPECT_EQ(connected("qemu-system-x86_64: broken", good), "QEMU's monitor says what is not JSON");
    EXPECT_EQ(connected("[1]", good), "QEMU's monitor says what is not JSON");
    EXPECT_EQ(connected(std::string(2 << 20, '['), good), "QEMU's monitor says too much");
    EXPECT_EQ(connected(QmpPeer::kGreeting, {{"qmp_capabilities", ""}}), "QEMU's monitor is gone");
    EXPECT_EQ(connected(QmpPeer::kGreeting, {{"qmp_capabilities", R"({"error": {"desc": "no"}, "id": ID})"}}),
              "QEMU refuses qmp_capabilities: no");
}

std::string answered(const std::string& answer) {
    QmpPeer peer{QmpPeer::after_greeting({{"query-status", answer}})};
    auto qmp = Qmp::connect(peer.take_client(), 60s);
    EXPECT_TRUE(qmp);
    const auto status = qmp.value().execute("query-status");
    return status ? status.value().dump() : status.error().cause;
}

TEST(Qmp, AnswersThatAreNone) {
    EXPECT_EQ(answered(R"({"return": 5, "id": ID})"), "5");
    EXPECT_EQ(answered("{\"event\": \"STOP\"}\r\n{\"return\": 5, \"id\": ID}"), "5");
    EXPECT_EQ(answered(R"({"return": 5, "id": 7})"),
              "QEMU's monitor answers something other than query-status");
    EXPECT_EQ(answered(R"({"return": 5})"), "QEMU's monitor answers something other than query-status");
    EXPECT_EQ(answered(R"({"id": ID})"), "QEMU's monitor answers query-status with nothing");
    EXPECT_EQ(answered(R"({"error": [], "id": ID})"), "QEMU refuses query-status: it does not say why");
    EXPECT_EQ(answered(R"({"error": {"desc": 4}, "id": ID})"),
              "QEMU refuses query-status: it does not say why");
    EXPECT_EQ(answered(""), "QEMU's monitor is gone");
}

TEST(Qmp, SilenceEnds) {
    QmpPeer peer{{}, ""};
    const auto qmp = Qmp::connect(peer.take_client(), 20ms);
    ASSERT_FALSE(qmp);
    EXPECT_EQ(qmp.error().cause, "QEMU's monitor does not answer within 20 ms");
    // Events are no answer, however many.
    QmpPeer talker{{}, std::string{QmpPeer::kGreeting} + "\n" + R"({"event": "STOP"})"};
    EXPECT_FALSE(Qmp::connect(talker.take_client(), 20ms));
}

}  // namespace
}  // namespace enclavisor::host
