// Launches of a scripted QEMU. What it measures is a known answer of virtee/sevctl's tests.
#include "host/lib/sev_launch.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "host/lib/base64.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/test_qmp_peer.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Turns = std::vector<QmpPeer::Turn>;

constexpr const char* kMeasurement = "fe8d27cc3284e5782d56751958f85479afd6658ad328b13147b282c2e31d6c07";
constexpr const char* kNonce = "2dbe959f5d3164db528c6480008509f2";

std::array<std::byte, 16> key(const char* hex) {
    std::array<std::byte, 16> result;
    std::copy_n(parse_hex(hex).value().begin(), 16, result.begin());
    return result;
}

SevGuest es_guest() {
    SevGuest guest{.platform = Platform::kSevEs, .policy = 5};
    guest.digest = parse_hex("847b5ab6db136ea67dc5a95478ebe7e5ebbe93e9e74bdb1284165f9007a4e367").value();
    guest.owner = SevOwner{.tik = key("3569cf61a32a602b87185ac6e0f55913"),
                           .tek = key("52a869b79ab9c13bb6a92b0561619cb3")};
    guest.secret.assign(32, std::byte{'s'});
    return guest;
}

std::string sev_status(const std::string& state, const std::string& more = "") {
    return R"({"enabled": true, "state": ")" + state +
           R"(", "policy": 5, "handle": 1, "api-major": 1, "api-minor": 49, "build-id": 6)" + more + "}";
}
std::string status(const char* state) {
    return std::string{R"({"status": ")"} + state + R"("})";
}
std::string measure(const std::string& hex) {
    return R"({"data": ")" + to_base64(parse_hex(hex).value()) + R"("})";
}

// A launch that is right from its beginning to its end.
Turns good_launch() {
    return {QmpPeer::returns("query-status", status("prelaunch")),
            QmpPeer::returns("query-sev", sev_status("launch-secret")),
            QmpPeer::returns("query-sev-launch-measure", measure(std::string{kMeasurement} + kNonce)),
            QmpPeer::returns("sev-inject-launch-secret", "{}"),
            QmpPeer::returns("cont", "{}"),
            QmpPeer::returns("query-status", status("running")),
            QmpPeer::returns("query-sev", sev_status("running", R"(, "sev-type": "sev")"))};
}
enum Step { kPrelaunch, kQuery, kMeasure, kInject, kContinue, kRunning, kAfter };

struct Outcome {
    std::string error;  // empty: launched
    std::vector<Json> commands;
    bool ran() const {
        return std::any_of(commands.begin(), commands.end(),
                           [](const Json& c) { return c["execute"] == "cont"; });
    }
};
Outcome launch(const SevGuest& guest, Turns turns) {
    QmpPeer peer{QmpPeer::after_greeting(std::move(turns))};
    Outcome outcome;
    {
        auto qmp = Qmp::connect(peer.take_client(), 60s);
        if (!qmp) return {qmp.error().cause, {}};
        const auto done = finish_sev_launch(qmp.value(), guest);
        if (!done) outcome.error = done.error().text();
    }
    outcome.commands = peer.heard();
    return outcome;
}

Outcome with(Step step, const std::string& answer) {
    Turns turns = good_launch();
    turns[step] = QmpPeer::returns(turns[step].command, answer);
    return launch(es_guest(), turns);
}
void expect_refused(const Outcome& outcome, const std::string& word) {
    EXPECT_NE(outcome.error.find(word), std::string::npos) << outcome.error;
    EXPECT_EQ(outcome.error.find('\n'), std::string::npos);
    EXPECT_FALSE(outcome.ran()) << "it must not run after: " << outcome.error;
}

TEST(SevLaunch, TheSecretIsForThisMeasurementAndComesBeforeTheGuestRuns) {
    const SevGuest guest = es_guest();
    const Outcome outcome = launch(guest, good_launch());
    EXPECT_EQ(outcome.error, "");
    ASSERT_EQ(outcome.commands.size(), 8u);
    const Json& injection = outcome.commands[1 + kInject];
    EXPECT_EQ(injection["execute"], "sev-inject-launch-secret");
    const auto header = from_base64(injection["arguments"]["packet-header"].get<std::string>()).value();
    const auto sealed = from_base64(injection["arguments"]["secret"].get<std::string>()).value();
    ASSERT_EQ(header.size(), 52u);
    std::array<std::byte, 16> iv;
    std::copy_n(header.begin() + 4, 16, iv.begin());
    SevMac measurement;
    std::copy_n(parse_hex(kMeasurement).value().begin(), 32, measurement.begin());
    const SealedSecret expected = seal_secret(*guest.owner, guest.secret, measurement, iv);
    EXPECT_EQ(to_hex(header), to_hex(expected.header));
    EXPECT_EQ(to_hex(sealed), to_hex(expected.bytes));
}

TEST(SevLaunch, WithoutOwnerNothingIsMeasuredNorGiven) {
    SevGuest guest = es_guest();
    guest.owner.reset();
    guest.secret.clear();
    Turns turns = good_launch();
    turns.erase(turns.begin() + kMeasure, turns.begin() + kContinue);
    EXPECT_EQ(launch(guest, turns).error, "");
    expect_refused(launch(es_guest(), turns), "QEMU's monitor is gone");
}

TEST(SevLaunch, AnotherMeasurement) {
    std::string other = std::string{kMeasurement} + kNonce;
    other[0] = 'e';
    expect_refused(with(kMeasure, measure(other)), "measurement is not the one of launch digest 847b5ab6");
    std::string replayed = std::string{kMeasurement} + kNonce;
    replayed.back() ^= 1;
    expect_refused(with(kMeasure, measure(replayed)), "measurement is not the one");
    expect_refused(with(kMeasure, measure(kMeasurement)), "no measurement");
    expect_refused(with(kMeasure, measure(other + "00")), "no measurement");
    expect_refused(with(kMeasure, R"({"data": "???"})"), "no measurement");
    expect_refused(with(kMeasure, R"({"data": 7})"), "query-sev-launch-measure says no data");
    expect_refused(with(kMeasure, "{}"), "query-sev-launch-measure says no data");
}

TEST(SevLaunch, OwnersOfSomethingElse) {
    SevGuest other = es_guest();
    other.owner->tik[0] ^= std::byte{1};
    expect_refused(launch(other, good_launch()), "--tik must be of this --session");
    other = es_guest();
    other.digest[31] ^= std::byte{1};
    expect_refused(launch(other, good_launch()), "measurement is not the one");
    // Versions are the host's word until the measurement has them.
    std::string older = sev_status("launch-secret");
    older.replace(older.find("49"), 2, "48");
    expect_refused(with(kQuery, older), "measurement is not the one");
}

TEST(SevLaunch, AnotherGuest) {
    expect_refused(with(kQuery, R"({"enabled": false, "state": "uninit"})"), "without SEV instead of sev-es");
    expect_refused(with(kQuery, "{}"), "query-sev says no enabled");
    expect_refused(with(kQuery, "[]"), "query-sev says no enabled");
    expect_refused(with(kQuery, R"({"enabled": "true"})"), "query-sev says no enabled");
    std::string weaker = sev_status("launch-secret");
    weaker.replace(weaker.find("\"policy\": 5"), 11, "\"policy\": 1");
    expect_refused(with(kQuery, weaker), "policy 0x1 instead of 0x5");
    weaker.replace(weaker.find("\"policy\": 1"), 11, "\"policy\": -1");
    expect_refused(with(kQuery, weaker), "query-sev says no policy");
    weaker.replace(weaker.find("\"policy\": -1"), 12, "\"policy\": 4294967301");
    expect_refused(with(kQuery, weaker), "query-sev says no policy");
    std::string wide = sev_status("launch-secret");
    wide.replace(wide.find("49"), 2, "305");
    expect_refused(with(kQuery, wide), "query-sev says no api-minor");
    expect_refused(with(kQuery, sev_status("launch-secret", R"(, "sev-type": "sev-snp")")),
                   "type sev-snp instead of sev-es");
    expect_refused(with(kQuery, sev_status("launch-secret", R"(, "sev-type": 4)")), "says no sev-type");
}

TEST(SevLaunch, AnotherOrder) {
    expect_refused(with(kPrelaunch, status("running")), "VM is running before its launch is checked");
    expect_refused(with(kPrelaunch, "{}"), "query-status says no status");
    for (const char* state : {"uninit", "launch-update", "running", "send-update", ""})
        expect_refused(with(kQuery, sev_status(state)), "not launch-secret");
    const Outcome stopped = with(kRunning, status("paused"));
    EXPECT_NE(stopped.error.find("paused after its launch, not running"), std::string::npos) << stopped.error;
    const Outcome unfinished = with(kAfter, sev_status("launch-secret"));
    EXPECT_NE(unfinished.error.find("launch-secret, not running"), std::string::npos) << unfinished.error;
}

TEST(SevLaunch, RefusalsAndEndsAtEveryStep) {
    for (std::size_t step = 0; step < good_launch().size(); step++) {
        Turns turns = good_launch();
        const std::string command = turns[step].command;
        turns[step].answer = R"({"error": {"class": "GenericError", "desc": "not today"}, "id": ID})";
        const Outcome refused = launch(es_guest(), turns);
        EXPECT_NE(refused.error.find("QEMU refuses " + command + ": not today"), std::string::npos)
            << refused.error;
        EXPECT_EQ(refused.ran(), step >= kContinue);
        turns[step].answer = "";
        const Outcome gone = launch(es_guest(), turns);
        EXPECT_NE(gone.error.find("QEMU's monitor is gone"), std::string::npos) << gone.error;
        EXPECT_EQ(gone.ran(), step >= kContinue);
    }
}

// --- SEV-SNP ----------------------------------------------------------------------

std::string snp_status(const char* state, const char* policy = "196608", const char* type = "sev-snp") {
    return std::string{R"({"enabled": true, "state": ")"} + state + R"(", "sev-type": ")" + type +
           R"(", "snp-policy": )" + policy +
           R"(, "policy": 196608, "handle": 0, "api-major": 1, "api-minor": 55, "build-id": 29})";
}
Outcome launch_snp(const std::string& before, const std::string& after) {
    const SevGuest guest{.platform = Platform::kSevSnp, .policy = 0x30000};
    return launch(
        guest, {QmpPeer::returns("query-status", status("prelaunch")), QmpPeer::returns("query-sev", before),
                QmpPeer::returns("cont", "{}"), QmpPeer::returns("query-status", status("running")),
                QmpPeer::returns("query-sev", after)});
}

TEST(SevLaunch, Snp) {
    EXPECT_EQ(launch_snp(snp_status("launch-update"), snp_status("running")).error, "");
    expect_refused(launch_snp(snp_status("launch-update", "720896"), snp_status("running")),
                   "policy 0xb0000 instead of 0x30000");
    expect_refused(launch_snp(snp_status("launch-update", "196608", "sev"), snp_status("running")),
                   "type sev instead of sev-snp");
    expect_refused(launch_snp(sev_status("launch-secret"), snp_status("running")),
                   "type sev instead of sev-snp");
    EXPECT_NE(launch_snp(snp_status("launch-update"), snp_status("launch-update")).error, "");
}

}  // namespace
}  // namespace enclavisor::host
