// A VM's own report, from the host's question to a verifier that shares nothing with us; and hypervisors that
// lie on the way.
#include "host/lib/vm_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "host/lib/file.hpp"
#include "host/lib/firmware.hpp"
#include "host/lib/launch_digest.hpp"
#include "host/lib/measure.hpp"
#include "sim/lies.hpp"
#include "sim/test_psp.hpp"
#include "tests/support/subprocess.hpp"

namespace enclavisor::sim {
namespace {

namespace fs = std::filesystem;
using host::Machine;
using host::Platform;

host::MachineOptions options(std::vector<std::string> carrier_arguments = {}, unsigned cpus = 2) {
    host::MachineOptions made;
    made.platform = Platform::kSimulatedSnp;
    made.memory_mib = 256;
    made.cpus = cpus;
    made.boot_timeout = std::chrono::seconds{60};
    made.carrier_arguments = std::move(carrier_arguments);
    return made;
}

host::ReportData some_data(unsigned seed) {
    host::ReportData data;
    for (std::size_t i = 0; i < data.size(); i++) data[i] = static_cast<std::byte>(seed + 37 * i);
    return data;
}

std::string reported_data(const host::VmReport& report) {
    return host::to_hex(std::span{report}.subspan(0x50, abi::kReportDataSize));
}

void write(const fs::path& path, std::span<const std::byte> bytes) {
    tests::write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void write_certificate(TestPsp& psp, CertificateKind kind, const fs::path& path) {
    auto processor = psp.connect();
    ASSERT_TRUE(processor.ok()) << processor.error().text();
    const Reply reply = processor.value().ask(Command::kCertificate, CertificateRequest{kind, 0, 0});
    ASSERT_EQ(reply.status, Status::kSuccess);
    write(path, std::as_bytes(std::span{reply.payload}));
}

// What `enclavisor measure` computes of the VM, without one.
std::string predicted_digest(unsigned cpus) {
    const auto rom = host::find_rom(Platform::kSimulatedSnp).value();
    const auto image = host::read_file(rom).value();
    const auto firmware = host::parse_firmware(image, rom.string()).value();
    return host::to_hex(host::launch_digest(firmware, {.kind = host::LaunchKind::kSevSnp,
                                                       .vcpus = cpus,
                                                       .vcpu_state = {host::cpu_signature("max").value(),
                                                                      abi::kSevFeatureSnp}})
                            .value());
}

// AMD's, if they are at hand (as launch_vectors_test.cpp finds them).
std::vector<std::string> amds_roots() {
    const char* named = std::getenv("ENCLAVISOR_VECTORS");
    const fs::path folder =
        (named != nullptr ? fs::path{named} : fs::path{ENCLAVISOR_SOURCE_DIR} / "../shared/vectors") /
        "snp/roots";
    std::vector<std::string> roots;
    for (const char* name : {"milan_ark.der", "genoa_ark.der", "turin_ark.der"})
        if (fs::exists(folder / name)) roots.push_back(folder / name);
    return roots;
}

TEST(VmReport, AVerifierAcceptsItUnderTheRightRootAlone) {
    TestPsp psp, other;
    auto machine = Machine::launch(options(psp.carrier_arguments()));
    ASSERT_TRUE(machine.ok()) << machine.error().text();
    const auto data = some_data(1);
    const auto report = host::vm_report(*machine.value(), data);
    ASSERT_TRUE(report.ok()) << report.error().text();

    const tests::TempDir folder;
    write(folder / "report", report.value());
    write_certificate(psp, CertificateKind::kVcek, folder / "vcek");
    write_certificate(psp, CertificateKind::kAsk, folder / "ask");
    write_certificate(psp, CertificateKind::kArk, folder / "ark");
    write_certificate(other, CertificateKind::kArk, folder / "other");
    const auto verify = [&](const std::vector<std::string>& roots) {
        std::vector<std::string> line{"python3",
                                      "-B",
                                      ENCLAVISOR_SOURCE_DIR "/sim/report_verifier.py",
                                      folder / "report",
                                      folder / "vcek",
                                      folder / "ask"};
        line.insert(line.end(), roots.begin(), roots.end());
        tests::RunOptions run_options;
        run_options.inherit_environment = true;
        const auto result = tests::run(line, run_options);
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    };
    std::vector<std::string> roots{folder / "ark", folder / "other"};
    std::string expected = "accepted " + roots[0] + "\nrefused " + roots[1] + "\n";
    for (const std::string& root : amds_roots()) {
        roots.push_back(root);
        expected += "refused " + root + "\n";
    }
    EXPECT_EQ(verify(roots), expected + "report data " + host::to_hex(data) + "\nmeasurement " +
                                 predicted_digest(2) + "\nvmpl 3\n");
    // Whatever is changed in it, it is no report any more.
    for (const std::size_t at : {0x30, 0x50, 0x90, 0xbf}) {
        auto changed = report.value();
        changed[at] ^= std::byte{1};
        write(folder / "report", changed);
        EXPECT_EQ(verify({folder / "ark"}).substr(0, 8), "refused ") << at;
    }
}

TEST(VmReport, EachAnswersItsOwnQuestion) {
    for (const unsigned cpus : {1u, 4u}) {
        auto machine = Machine::launch(options({}, cpus));
        ASSERT_TRUE(machine.ok()) << machine.error().text();
        for (unsigned i = 0; i < 30; i++) {
            const auto report = host::vm_report(*machine.value(), some_data(i));
            ASSERT_TRUE(report.ok()) << report.error().text();
            EXPECT_EQ(reported_data(report.value()), host::to_hex(some_data(i)));
            EXPECT_EQ(host::to_hex(host::launch_digest_in(report.value())), predicted_digest(cpus));
        }
    }
}

TEST(VmReport, AHypervisorMayBeBusyForAWhile) {
    auto machine = Machine::launch(options({"--lie", "message-busy-a-while"}));
    ASSERT_TRUE(machine.ok()) << machine.error().text();
    for (const unsigned seed : {5u, 6u}) {
        const auto report = host::vm_report(*machine.value(), some_data(seed));
        ASSERT_TRUE(report.ok()) << report.error().text();
        EXPECT_EQ(reported_data(report.value()), host::to_hex(some_data(seed)));
    }
}

// --- Lies ------------------------------------------------------------------

constexpr const char* kSequence = "no report: an answer with another number than the request's next";
constexpr const char* kHeader = "no report: an answer with a header that no answer to the request has";
constexpr const char* kTag = "no report: an answer that the secure processor did not write";
constexpr const char* kBusy = "no report: the hypervisor said each time that it is busy";
constexpr const char* kNoRoom = "no report: the hypervisor wants room for certificates";
constexpr const char* kFirmware =
    "no report: the secure processor is said to refuse the message with status ";

struct Case {
    const char* lie;
    const char* reason;  // part of what the user reads
    unsigned good = 0;   // reports before it
    bool ends_vm = false;
};

constexpr Case kCases[] = {
    {"message-text", kTag},
    {"message-text:2", kTag, 2},
    {"message-text-end", kTag},
    {"message-tag", kTag},
    {"message-number", kSequence},
    {"message-older", kSequence},
    {"message-older:1", kSequence, 1},
    {"message-algorithm", kHeader},
    {"message-header-version", kHeader},
    {"message-header-size", kHeader},
    {"message-type", kHeader},
    {"message-version", kHeader},
    {"message-size", kHeader},
    {"message-reserved", kTag},
    {"message-key", kHeader},
    {"message-reserved-end", kTag},
    {"message-none", kSequence},
    {"message-none:1", kSequence, 1},
    {"message-dropped", kSequence},
    {"message-dropped:3", kSequence, 3},
    {"message-reflected", kSequence},
    {"message-late", kSequence, 1},
    {"message-replayed", kSequence, 1},
    {"message-error", kFirmware},
    {"message-unknown-error", kFirmware},
    {"message-host-error", kNoRoom},
    {"message-certificates", kNoRoom},
    {"message-busy", kBusy},
    {"message-busy:1", kBusy, 1},
    {"message-busy-but-delivered", kFirmware},
    {"message-malformed", "calls a right request malformed", 0, true},
    {"message-unknown-result", "has an unknown result", 0, true},
    {"message-inject-gp", "answered a right request with an exception", 0, true},
};

std::string name_of(const testing::TestParamInfo<Case>& of) {
    std::string name = of.param.lie;
    std::ranges::replace_if(
        name, [](char c) { return c == '-' || c == ':'; }, '_');
    return name;
}

class MessageLies : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Of, MessageLies, testing::ValuesIn(kCases), name_of);

// No report comes of it, and none after it, even if the hypervisor would tell the truth by then; but for what
// breaks the protocol itself, the VM goes on.
TEST_P(MessageLies, GiveNoReportAndAReason) {
    auto machine = Machine::launch(options({"--lie", GetParam().lie}));
    ASSERT_TRUE(machine.ok()) << machine.error().text();
    for (unsigned i = 0; i < GetParam().good; i++) {
        const auto good = host::vm_report(*machine.value(), some_data(i));
        ASSERT_TRUE(good.ok()) << good.error().text();
        EXPECT_EQ(reported_data(good.value()), host::to_hex(some_data(i)));
    }
    const auto refused = host::vm_report(*machine.value(), some_data(99));
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().text().find(GetParam().reason), std::string::npos) << refused.error().text();
    if (GetParam().ends_vm) {
        EXPECT_FALSE(machine.value()->hello().ok());
        return;
    }
    const auto later = host::vm_report(*machine.value(), some_data(100));
    ASSERT_FALSE(later.ok());
    EXPECT_NE(later.error().text().find("the key to the secure processor is not used any more"),
              std::string::npos)
        << later.error().text();
    const auto alive = machine.value()->hello();
    EXPECT_TRUE(alive.ok()) << alive.error().text();
}

TEST(AllMessageLies, AreTold) {
    for (const Lie& lie : lies()) {
        if (lie.topic != Topic::kGuestRequest || lie.name == "message-busy-a-while") continue;
        EXPECT_TRUE(std::ranges::any_of(kCases, [&](const Case& known) {
            return std::string_view{known.lie}.substr(0, std::string_view{known.lie}.find(':')) == lie.name;
        })) << lie.name;
    }
}

}  // namespace
}  // namespace enclavisor::sim
