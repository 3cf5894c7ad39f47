// VMs under a carrier that is honest, and under one that tells each of its lies: none runs on with the lie.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "host/lib/machine.hpp"
#include "sim/lies.hpp"
#include "sim/test_psp.hpp"

namespace enclavisor::sim {
namespace {

using host::Machine;
using host::Platform;

host::MachineOptions options(Platform platform, unsigned cpus = 2) {
    host::MachineOptions made;
    made.platform = platform;
    made.memory_mib = 256;
    made.cpus = cpus;
    made.boot_timeout = std::chrono::seconds{60};
    return made;
}

// --- Honest ----------------------------------------------------------------

class Simulation : public testing::TestWithParam<Platform> {};
INSTANTIATE_TEST_SUITE_P(On, Simulation, testing::Values(Platform::kSimulatedSevEs, Platform::kSimulatedSnp),
                         [](const auto& on) {
                             return on.param == Platform::kSimulatedSnp ? "snp" : "sev_es";
                         });

TEST_P(Simulation, RunsOnOneAndOnSeveralVcpus) {
    for (const unsigned cpus : {1u, 2u, 4u}) {
        auto machine = Machine::launch(options(GetParam(), cpus));
        ASSERT_TRUE(machine.ok()) << machine.error().text();
        const auto info = machine.value()->hello();
        ASSERT_TRUE(info.ok()) << info.error().text();
        EXPECT_EQ(info.value().cpus, cpus);
    }
}

TEST_P(Simulation, RunsWithTheFeaturesThatAreRequired) {
    const bool snp = GetParam() == Platform::kSimulatedSnp;
    for (const unsigned cpus : {1u, 4u}) {
        auto with = options(GetParam(), cpus);
        with.sev.require = snp ? "secure-tsc,debug-swap" : "debug-swap";
        auto machine = Machine::launch(with);
        ASSERT_TRUE(machine.ok()) << machine.error().text();
        EXPECT_EQ(machine.value()->hello().value().cpus, cpus);
    }
}

// Linux before 6.10 speaks it alone.
TEST(SimulatedSevEs, IsContentWithVersionOneOfTheProtocol) {
    auto with = options(Platform::kSimulatedSevEs, 2);
    with.carrier_arguments = {"--lie", "info-old"};
    auto machine = Machine::launch(with);
    ASSERT_TRUE(machine.ok()) << machine.error().text();
    EXPECT_EQ(machine.value()->hello().value().cpus, 2u);
}

TEST_P(Simulation, HasMemoryAboveFourGigabytes) {
    auto large = options(GetParam());
    large.memory_mib = 5 << 10;
    auto machine = Machine::launch(large);
    ASSERT_TRUE(machine.ok()) << machine.error().text();
    EXPECT_GT(machine.value()->hello().value().total_frames, (4900ull << 20) / 4096);
}

TEST_P(Simulation, IsNotLaunchedAsSomethingElse) {
    auto other = options(GetParam());
    other.carrier_arguments = {"--cpu", "EPYC-Milan"};
    auto machine = Machine::launch(other);
    ASSERT_FALSE(machine.ok());
    EXPECT_NE(machine.error().text().find("the VM was launched as 'ready "), std::string::npos)
        << machine.error().text();
}

// Number of the carrier that this process has started; 0: there is none.
pid_t carrier() {
    for (const auto& folder : std::filesystem::directory_iterator{"/proc"}) {
        std::ifstream file{folder.path() / "stat"};
        pid_t pid = 0, parent = 0;
        std::string name;
        char state = 0;
        // The name is cut to 15 characters, in parentheses.
        if (file >> pid >> name >> state >> parent && parent == ::getpid() && name == "(enclavisor-sim-)" &&
            state != 'Z')
            return pid;
    }
    return 0;
}

TEST_P(Simulation, CarrierAndVmEndTogether) {
    {
        auto machine = Machine::launch(options(GetParam()));
        ASSERT_TRUE(machine.ok()) << machine.error().text();
        const pid_t pid = carrier();
        ASSERT_NE(pid, 0);
        ::kill(pid, SIGKILL);
        while (machine.value()->running()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
        const std::string said = machine.value()->check_alive().error().text();
        EXPECT_NE(said.find("simulated hypervisor was killed by signal 9"), std::string::npos) << said;
    }
    EXPECT_EQ(carrier(), 0);
    EXPECT_TRUE(Machine::launch(options(GetParam())).ok());
    EXPECT_EQ(carrier(), 0);
}

// --- With the model in a process of its own --------------------------------

// How many of both kinds the model has.
std::uint32_t guests(const TestPsp& psp) {
    auto processor = psp.connect();
    if (!processor.ok()) return ~0u;
    const auto count = [&](auto status, Command command) {
        const Reply reply = processor.value().ask(command, BytesView{});
        BytesView rest{reply.payload};
        return take_front<decltype(status)>(rest)->guests;
    };
    return count(SevPlatformStatus{}, Command::kPlatformStatus) +
           count(SnpPlatformStatus{}, Command::kSnpPlatformStatus);
}

TEST_P(Simulation, SharesASecureProcessor) {
    TestPsp psp;
    auto with = options(GetParam());
    with.carrier_arguments = psp.carrier_arguments();
    {
        auto first = Machine::launch(with), second = Machine::launch(with);
        EXPECT_TRUE(first.ok()) << first.error().text();
        EXPECT_TRUE(second.ok()) << second.error().text();
    }
    EXPECT_EQ(guests(psp), 0u);
    psp.kill();
    auto late = Machine::launch(with);
    ASSERT_FALSE(late.ok());
    EXPECT_NE(late.error().text().find("nobody serves"), std::string::npos) << late.error().text();
}

// --- Lies ------------------------------------------------------------------

constexpr const char* kOtherAnswer = "answered another question";
constexpr const char* kVersion = "speaks no version";
constexpr const char* kCBit = "names another C-bit";
constexpr const char* kFeatures = "lacks features that SEV-SNP guests need";
constexpr const char* kRegistration = "registered another GHCB page";
constexpr const char* kMissing = "left out a register";
constexpr const char* kUnknown = "has an unknown result";
constexpr const char* kMalformed = "calls a right request malformed";
constexpr const char* kInjection = "wants an event injected that no request causes";
constexpr const char* kException = "answered a right request with an exception";
constexpr const char* kRefused = "refused to change a page's state";
constexpr const char* kRange = "reports a page-state change outside the list";
constexpr const char* kStuck = "page-state change does not get on";
constexpr const char* kExchanged = "the hypervisor exchanged it";
constexpr const char* kPvalidate = "PVALIDATE failed";
constexpr const char* kNotOurs = "meets a page that is not the guest's";
constexpr const char* kCpu = "refused to start a CPU";
constexpr const char* kCpuidPage = "the CPUID page is malformed";
constexpr const char* kLaunchedOtherwise = "the VM was launched as 'ready ";
constexpr const char* kUnprotected = "does not protect this VM as its kernel was built for";
constexpr const char* kUnknownFeature = "launched with a feature that this kernel does not know";
constexpr const char* kOtherFeatures = "a CPU was launched with other features than the first";
constexpr const char* kFrequency = "time-stamp counter has a frequency that cannot be";
constexpr const char* kProcessor = "the secure processor refuses SNP_LAUNCH_UPDATE with status 0x16";

struct Case {
    const char* lie;
    const char* reason;  // part of what the launcher says
    Platform platform = Platform::kSimulatedSnp;
    bool carries_devices = false;
    const char* require = "";
};
constexpr Platform kEs = Platform::kSimulatedSevEs;

constexpr Case kCases[] = {
    {"info-other-answer", kOtherAnswer},
    {"info-none", kOtherAnswer},
    {"info-asks-back", kOtherAnswer},
    {"info-old", kVersion},
    {"info-new", kVersion},
    {"info-c-bit", kCBit},
    {"info-no-c-bit", kCBit},
    {"info-other-answer", kOtherAnswer, kEs},
    {"info-older", kVersion, kEs},
    {"info-c-bit", kCBit, kEs},
    {"features-other-answer", kOtherAnswer},
    {"features-none", kFeatures},
    {"features-no-snp", kFeatures},
    {"features-no-ap-creation", kFeatures},
    {"register-other-answer", kOtherAnswer},
    {"register-other-page", kRegistration},
    {"register-refused", kRegistration},
    {"register-not", kMalformed},
    {"share-other-answer", kOtherAnswer},
    {"share-refused", kRefused},
    {"share-reserved-bits", kOtherAnswer},
    {"share-not", kRegistration},
    {"pages-refused", kRefused},
    {"pages-refused:3", kRefused},
    {"pages-refused-after", kRefused},
    {"pages-none", kNotOurs},
    {"pages-none:1", kNotOurs},
    {"pages-most", kNotOurs},
    {"pages-not-yet", kStuck},
    {"pages-too-many", kRange},
    {"pages-far-too-many", kRange},
    {"pages-of-another-list", kRange},
    {"pages-within-a-page", kRange},
    {"pages-malformed", kMalformed},
    {"pages-malformed-event", kMalformed},
    {"pages-unknown-result", kUnknown},
    {"pages-strange-result", kUnknown},
    {"pages-inject-gp", kException},
    {"pages-inject-ud", kException},
    {"pages-inject-pf", kInjection},
    {"pages-inject-db", kInjection},
    {"pages-inject-vc", kInjection},
    {"pages-inject-nmi", kInjection},
    {"pages-inject-interrupt", kInjection},
    {"pages-inject-int80", kInjection},
    {"pages-inject-nothing", kInjection},
    // The first PVALIDATE gives a page back, the others accept.
    {"pvalidate-unchanged", kPvalidate},
    {"pvalidate-unchanged:1", kExchanged},
    {"pvalidate-before:1", kExchanged},
    {"pvalidate-taken-back", kNotOurs},
    {"pvalidate-taken-back:1", kNotOurs},
    {"pvalidate-input", kPvalidate},
    {"pvalidate-input:1", kPvalidate},
    {"pvalidate-permission:1", kPvalidate},
    {"pvalidate-size:1", kPvalidate},
    {"pvalidate-unknown:1", kPvalidate},
    {"rmpadjust-input", kPvalidate},
    {"rmpadjust-permission", kPvalidate},
    {"rmpadjust-size", kPvalidate},
    {"cpu-refused", kCpu},
    {"cpu-malformed", kMalformed},
    {"cpu-inject-gp", kException},
    {"cpu-exchanged", kMalformed},
    {"port-no-value", kMissing, Platform::kSimulatedSnp, true},
    {"port-all-ones", "panic: the VM's memory map cannot be", Platform::kSimulatedSnp, true},
    {"port-zeros", "panic: the VM has too little memory", Platform::kSimulatedSnp, true},
    {"port-inject-gp", kException, Platform::kSimulatedSnp, true},
    {"port-no-value", kMissing, kEs, true},
    {"cpuid-no-eax", kMissing, kEs, true},
    {"cpuid-no-ebx", kMissing, kEs, true},
    {"cpuid-no-ecx", kMissing, kEs, true},
    {"cpuid-no-edx", kMissing, kEs, true},
    {"cpuid-page-empty", kCpuidPage},
    {"cpuid-page-full", kProcessor},
    {"cpuid-page-twice", kCpuidPage},
    {"cpuid-page-c-bit", kCBit},
    {"cpuid-page-no-c-bit", kProcessor},
    {"cpuid-page-no-snp", kProcessor},
    {"cpuid-page-no-encryption", kCBit},
    {"cpuid-page-no-rdrand", kProcessor},
    {"cpuid-page-no-smap", kProcessor},
    // The launcher asked for other features than it gets.
    {"feature-added", kLaunchedOtherwise},
    {"feature-added", kLaunchedOtherwise, kEs},
    {"feature-taken", kLaunchedOtherwise, Platform::kSimulatedSnp, false, "secure-tsc"},
    {"feature-taken", kLaunchedOtherwise, kEs, false, "debug-swap"},
    // Nobody compares what was launched; the kernel reads what it is.
    {"status-none", kUnprotected},
    {"status-no-es", kUnprotected},
    {"status-no-snp", kUnprotected},
    {"status-vtom", "virtual top of memory, which this kernel"},
    {"status-reflect-vc", "#VC reflected, which this kernel"},
    {"status-restricted-injection", "restricted injection, which this kernel"},
    {"status-alternate-injection", "alternate injection, which this kernel"},
    {"status-shadow-stack", kUnknownFeature},
    {"status-vmgexit-parameter", kUnknownFeature},
    {"status-register-protection", kUnknownFeature},
    {"status-secure-avic", kUnknownFeature},
    {"status-unknown", kUnknownFeature},
    {"status-secure-tsc", kFrequency},
    {"status-of-another-cpu", kOtherFeatures},
    {"status-of-another-cpu", kOtherFeatures, Platform::kSimulatedSnp, false, "secure-tsc"},
    {"status-none", kUnprotected, kEs},
    {"status-no-es", kUnprotected, kEs},
    {"status-restricted-injection", "restricted injection, which this kernel", kEs},
    {"status-secure-tsc", kUnknownFeature, kEs},
    {"tsc-none", kFrequency, Platform::kSimulatedSnp, false, "secure-tsc"},
    {"tsc-slow", kFrequency, Platform::kSimulatedSnp, false, "secure-tsc"},
    {"tsc-fast", kFrequency, Platform::kSimulatedSnp, false, "secure-tsc"},
};

std::string name_of(const testing::TestParamInfo<Case>& of) {
    std::string name = of.param.lie;
    std::ranges::replace_if(
        name, [](char c) { return c == '-' || c == ':'; }, '_');
    if (*of.param.require != '\0') name += "_with_features";
    return name + (of.param.platform == kEs ? "_of_sev_es" : "");
}

class Lies : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Of, Lies, testing::ValuesIn(kCases), name_of);

TEST_P(Lies, EndTheVmWithAReason) {
    auto lied_to = options(GetParam().platform);
    lied_to.carrier_arguments = {"--lie", GetParam().lie};
    lied_to.sev.require = GetParam().require;
    if (GetParam().carries_devices) lied_to.carrier_arguments.emplace_back("--carry-devices");
    auto machine = Machine::launch(lied_to);
    ASSERT_FALSE(machine.ok()) << "the VM runs";
    EXPECT_NE(machine.error().text().find(GetParam().reason), std::string::npos) << machine.error().text();
}

TEST(AllLies, AreTold) {
    for (const Lie& lie : lies()) {
        // Messages: vm_report_test.cpp.
        const bool told =
            lie.topic == Topic::kGuestRequest || std::ranges::any_of(kCases, [&](const Case& known) {
                return std::string_view{known.lie}.substr(0, std::string_view{known.lie}.find(':')) ==
                       lie.name;
            });
        EXPECT_TRUE(told) << lie.name;
    }
}

}  // namespace
}  // namespace enclavisor::sim
