// The carrier, asked by the kernel's own code for its side of the protocol.
#include "sim/carrier.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <random>

#include "attest/guest_messages.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/launch_digest.hpp"
#include "host/lib/test_firmware.hpp"
#include "host/lib/vmsa.hpp"
#include "kernel/platform/accepted.hpp"
#include "kernel/platform/ghcb.hpp"
#include "sim/tcg_cpuid.hpp"

namespace enclavisor::sim {

void run_hostile_guest(BytesView bytes);  // carrier_fuzz.cpp

namespace {

using kernel::AcceptedMemory;
using kernel::GhcbChannel;
using kernel::HostPtr;
using kernel::PhysAddr;
using R = kernel::GhcbRefusal;

constexpr std::uint64_t kMib = 64, kGhcb = 0x30'0000, kRequest = 0x30'1000, kResponse = 0x30'2000;
constexpr std::uint64_t kSecrets = 0x80'd000;  // in TestFirmware's metadata
constexpr std::uint32_t kSignature = 0x60fb1;

host::Fd memory() {
    host::Fd fd{::memfd_create("guest", MFD_CLOEXEC)};
    EXPECT_EQ(::ftruncate(fd.get(), kMib << 20), 0);
    return fd;
}

GuestRam ram() {
    const host::Fd shared = memory(), closed = memory();
    return std::move(GuestRam::map(kMib, shared.get(), closed.get()).value());
}

struct Image {
    std::vector<std::byte> bytes = host::TestFirmware::amd_sev().bytes();
    host::Firmware firmware() const { return host::parse_firmware(bytes, "fw.bin").value(); }
};

// --- Launch ----------------------------------------------------------------

Bytes measured(const Image& image, LaunchOptions options) {
    Processor processor = Processor::in_process();
    GuestRam memory_of_guest = ram();
    options.cpuid = cpuid_page();
    auto guest = launch(processor, memory_of_guest, image.firmware(), options);
    EXPECT_TRUE(guest.ok()) << guest.error().text();
    return guest ? guest->digest : Bytes{};
}

Bytes predicted(const Image& image, const LaunchOptions& options) {
    host::LaunchSpec spec;
    spec.kind = options.snp ? host::LaunchKind::kSevSnp : host::LaunchKind::kSevEs;
    spec.vcpus = options.vcpus;
    spec.vcpu_state = {options.signature, (options.snp ? abi::kSevFeatureSnp : 0) | options.features};
    const auto digest = host::launch_digest(image.firmware(), spec).value();
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(digest.data());
    return {bytes, bytes + digest.size()};
}

class Launches : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Of, Launches, testing::Values(false, true),
                         [](const auto& of) { return of.param ? "snp" : "sev_es"; });

TEST_P(Launches, AreMeasuredAsPredicted) {
    const Image image;
    for (const unsigned vcpus : {1u, 2u, 4u}) {
        const LaunchOptions options{GetParam(), vcpus, kSignature, {}};
        EXPECT_EQ(measured(image, options), predicted(image, options)) << vcpus;
        LaunchOptions more = options;
        more.features = abi::kSevFeatureDebugSwap;
        EXPECT_EQ(measured(image, more), predicted(image, more)) << vcpus;
        EXPECT_NE(measured(image, more), measured(image, options)) << vcpus;
    }
}

TEST_P(Launches, MeasureEverythingThatIsPredicted) {
    const Image image;
    const LaunchOptions options{GetParam(), 2, kSignature, {}};
    const Bytes expected = predicted(image, options);
    Image changed = image;
    changed.bytes[100] ^= std::byte{1};
    EXPECT_NE(measured(changed, options), expected);
    EXPECT_NE(measured(image, {GetParam(), 3, kSignature, {}}), expected);
    EXPECT_NE(measured(image, {GetParam(), 2, kSignature + 1, {}}), expected);
}

TEST(Launch, TheSimulationsProcessorHasANameForItsDigest) {
    EXPECT_EQ(host::cpu_signature("max").value(), tcg_cpuid()[1].eax);
    EXPECT_EQ(tcg_cpuid()[1].eax, kSignature);
}

TEST(Launch, WithoutMetadataThereIsNoSnpGuest) {
    Image image;
    host::TestFirmware bare = host::TestFirmware::amd_sev();
    bare.entries.erase(bare.entries.begin() + 3);
    bare.sections.clear();
    image.bytes = bare.bytes();
    Processor processor = Processor::in_process();
    GuestRam memory_of_guest = ram();
    const auto guest =
        launch(processor, memory_of_guest, image.firmware(), {true, 1, kSignature, cpuid_page()});
    ASSERT_FALSE(guest.ok());
    EXPECT_NE(guest.error().text().find("metadata"), std::string::npos);
}

// --- A guest that is the kernel's code -------------------------------------

class Guest {
public:
    explicit Guest(const std::vector<std::string>& told = {}, bool snp = true, unsigned vcpus = 2)
        : carrier_{processor_, ram_, launched(snp, vcpus), parse(told)} {
        EXPECT_TRUE(carrier_.prepare(false).ok());
        current = this;
    }
    ~Guest() { current = nullptr; }

    Carrier& carrier() { return carrier_; }
    std::optional<std::string> end;
    std::uint64_t raised = 0;

    GhcbChannel channel(std::uint64_t page = kGhcb) {
        static const kernel::GhcbInstructions instructions{
            [](std::uint64_t value) { current->msr_ = value; }, [] { return current->msr_; },
            [] { current->carry(abi::SimInstruction::kVmgexit, {}); }};
        return {instructions, HostPtr<abi::Ghcb>{address(page)}, PhysAddr{page}};
    }
    void exit(std::uint64_t msr) {
        msr_ = msr;
        carry(abi::SimInstruction::kVmgexit, {});
    }
    // A channel whose page is registered.
    GhcbChannel ready() {
        GhcbChannel made = channel();
        EXPECT_EQ(made.negotiate(abi::kSimulatedCBit), R::kNone);
        EXPECT_EQ(made.register_page(), R::kNone);
        return made;
    }
    static kernel::PvalidateResult pvalidate(PhysAddr page, bool large, bool validate) {
        const auto out =
            current->carry(abi::SimInstruction::kPvalidate, {page.value, 0, large, validate, 0xd7});
        EXPECT_EQ(out.rflags & ~1ull, 0xd6u);
        return {static_cast<std::uint32_t>(out.rax), (out.rflags & 1) != 0};
    }
    std::uint64_t make_vmsa(std::uint64_t page) {
        return carry(abi::SimInstruction::kRmpAdjust, {page, 0, 0, 1 << 16 | 1, 2}).rax;
    }

    abi::SimRequest& request(unsigned cpu = 0) {
        return *reinterpret_cast<abi::SimRequest*>(address(abi::kSimRequestPhys + cpu * abi::kPageSize));
    }
    std::uint64_t address(std::uint64_t at) {
        return reinterpret_cast<std::uint64_t>(ram_.shared(at, kPage).value().data());
    }
    template <typename T>
    T& at(std::uint64_t place) {
        return *reinterpret_cast<T*>(address(place));
    }

    abi::SimRegisters carry(abi::SimInstruction instruction, const abi::SimRegisters& in) {
        abi::SimRequest& page = request();
        page.instruction = static_cast<std::uint32_t>(instruction);
        page.cpu = 0;
        page.in = in;
        page.ghcb_msr = msr_;
        page.turn = static_cast<std::uint32_t>(abi::SimTurn::kCarrier);
        if (auto ended = carrier_.serve(0)) end = std::move(ended);
        EXPECT_EQ(page.turn, static_cast<std::uint32_t>(abi::SimTurn::kGuest));
        msr_ = page.ghcb_msr;
        raised = page.raise;
        return page.out;
    }

    // Message keys, as the guest finds them.
    std::array<Block<32>, kMessageKeys> keys() {
        std::array<Block<32>, kMessageKeys> found;
        std::memcpy(&found, ram_.private_at(kSecrets, kPage)->data() + 0x20, sizeof(found));
        return found;
    }

private:
    LaunchedGuest launched(bool snp, unsigned vcpus) {
        const Image image;
        auto guest = launch(processor_, ram_, image.firmware(), {snp, vcpus, kSignature, cpuid_page()});
        EXPECT_TRUE(guest.ok()) << guest.error().text();
        return std::move(guest.value());
    }
    static std::vector<ToldLie> parse(const std::vector<std::string>& told) {
        std::vector<ToldLie> parsed;
        for (const std::string& text : told) parsed.push_back(parse_lie(text).value());
        return parsed;
    }

    static inline Guest* current = nullptr;
    Processor processor_ = Processor::in_process();
    GuestRam ram_ = ram();
    Carrier carrier_;
    std::uint64_t msr_ = 0;
};

TEST(Carrier, AnswersTheMsrProtocol) {
    Guest guest;
    GhcbChannel channel = guest.channel();
    EXPECT_EQ(channel.negotiate(abi::kSimulatedCBit), R::kNone);
    EXPECT_EQ(channel.negotiate(47), R::kCBit);
    EXPECT_EQ(channel.require(abi::kFeatureSnp | abi::kFeatureApCreation), R::kNone);
    EXPECT_EQ(channel.register_page(), R::kNone);
    kernel::CpuidValues values{};
    EXPECT_EQ(channel.cpuid_early(0x8000'001f, values), R::kNone);
    EXPECT_EQ(values, (kernel::CpuidValues{0x1a, abi::kSimulatedCBit, 0, 0}));
    EXPECT_FALSE(guest.end.has_value());
}

TEST(Carrier, OfSevEsHasNothingOfSnp) {
    Guest guest{{}, false};
    GhcbChannel channel = guest.channel();
    EXPECT_EQ(channel.negotiate(abi::kSimulatedCBit), R::kNone);
    EXPECT_EQ(channel.require(abi::kFeatureSnp), R::kFeatures);
    kernel::CpuidValues values{};
    EXPECT_EQ(channel.cpuid(1, 0, 1, values), R::kNone);
    EXPECT_EQ(values.eax, kSignature);
    const std::uint64_t entry = 0x50'0000 | abi::kPagePrivate;
    EXPECT_EQ(channel.change_pages({&entry, 1}), R::kCalledMalformed);
    Guest::pvalidate(PhysAddr{0x50'0000}, false, true);
    EXPECT_EQ(guest.end, "an SEV-ES guest has an instruction of SEV-SNP");
}

TEST(Carrier, MemoryIsAcceptedAndGivenBack) {
    Guest guest;
    GhcbChannel channel = guest.ready();
    AcceptedMemory accepted{Guest::pvalidate};
    EXPECT_EQ(accepted.accept(channel, 0xa01, 0x1203), R::kNone);
    EXPECT_EQ(accepted.accept(channel, 0x1000, 0x1001), R::kValidatedTwice);
    // A small page of a large one: the hypervisor splits it.
    EXPECT_FALSE(guest.carrier().shared_page(0x100'0000));
    const auto rescinded = Guest::pvalidate(PhysAddr{0x100'0000}, false, false);
    EXPECT_EQ(rescinded.code, 0u);
    EXPECT_FALSE(rescinded.unchanged);
    EXPECT_EQ(channel.share_early(PhysAddr{0x100'0000}), R::kNone);
    EXPECT_TRUE(guest.carrier().shared_page(0x100'0000));
    EXPECT_FALSE(guest.carrier().shared_page(0x100'1000));
    EXPECT_TRUE(Guest::pvalidate(PhysAddr{0x100'1000}, false, true).unchanged);
    EXPECT_FALSE(guest.end.has_value());
}

TEST(Carrier, NothingBeyondTheMemoryChanges) {
    Guest guest;
    GhcbChannel channel = guest.ready();
    for (const std::uint64_t at : {kMib << 20, 0xe000'0000ul, 0x000f'ffff'ffff'f000ul}) {
        const std::uint64_t entry = at | abi::kPagePrivate;
        EXPECT_EQ(channel.change_pages({&entry, 1}), R::kPageStateRefused);
        EXPECT_EQ(channel.share_early(PhysAddr{at}), R::kPageStateRefused);
    }
    const std::uint64_t crooked = 0x50'1000 | abi::kPagePrivate | abi::kPageLarge;
    EXPECT_EQ(channel.change_pages({&crooked, 1}), R::kPageStateRefused);
}

TEST(Carrier, AnotherPageThanTheRegisteredIsNoGhcb) {
    Guest guest;
    guest.ready();
    GhcbChannel other = guest.channel(kRequest);
    const std::uint64_t entry = 0x50'0000 | abi::kPagePrivate;
    EXPECT_EQ(other.change_pages({&entry, 1}), R::kCalledMalformed);
    EXPECT_EQ(guest.at<abi::Ghcb>(kRequest).exit_info_2, 1u);
}

TEST(Carrier, AVcpuBeginsWithAPageThatIsItsState) {
    Guest guest;
    GhcbChannel channel = guest.ready();
    AcceptedMemory accepted{Guest::pvalidate};
    ASSERT_EQ(accepted.accept(channel, 0xa00, 0xa08), R::kNone);
    constexpr std::uint64_t kVmsa = 0xa0'1000;
    EXPECT_EQ(channel.create_cpu(1, PhysAddr{kVmsa}, abi::kSevFeatureSnp), R::kCalledMalformed);
    EXPECT_EQ(guest.make_vmsa(kVmsa), 0u);
    EXPECT_EQ(channel.create_cpu(1, PhysAddr{kVmsa}, abi::kSevFeatureSnp), R::kNone);
    EXPECT_EQ(channel.create_cpu(1, PhysAddr{kVmsa}, 0), R::kCalledMalformed);
    EXPECT_EQ(channel.create_cpu(2, PhysAddr{kVmsa}, abi::kSevFeatureSnp), R::kCalledMalformed);
    // Of a large page the first would make early processors stumble.
    EXPECT_EQ(guest.make_vmsa(0xa0'0000), 0u);
    EXPECT_EQ(channel.create_cpu(1, PhysAddr{0xa0'0000}, abi::kSevFeatureSnp), R::kCalledMalformed);
}

TEST(Carrier, PagesThatAreNotTheGuestsEndTheMachine) {
    Guest guest;
    Guest::pvalidate(PhysAddr{0x50'0000}, false, true);
    EXPECT_EQ(guest.end, "PVALIDATE of vCPU 0 at 0x500000 meets a page that is not the guest's");
    EXPECT_EQ(guest.raised, abi::kSimMachineEnds);
}

TEST(Carrier, TheEndIsTold) {
    Guest guest;
    guest.channel().terminate(R::kFeatures);
    EXPECT_EQ(
        guest.end,
        "vCPU 0 ends the VM: reason set 14, code 5: the hypervisor lacks features that SEV-SNP guests need");
    guest.channel().terminate(R::kNone);  // after a panic, which the kernel has told
    EXPECT_EQ(guest.end, "");
}

TEST(Carrier, RequestsThatAreNone) {
    Guest guest;
    EXPECT_EQ(guest.carrier().serve(2), "there is no vCPU 2");
    EXPECT_EQ(guest.carrier().serve(255), "there is no vCPU 255");
    EXPECT_FALSE(guest.carrier().serve(1));  // it is not its turn
    guest.carry(abi::SimInstruction{4}, {});
    EXPECT_EQ(guest.end, "vCPU 0 has an unknown instruction 4");
    for (const std::uint64_t at : {0xe000'0000ul, kSecrets, 0xffff'ffff'ffff'f000ul}) {
        guest.channel(kGhcb);
        guest.end.reset();
        guest.request().ghcb_msr = at;
        guest.request().instruction = 1;
        guest.request().turn = 1;
        const auto end = guest.carrier().serve(0);
        ASSERT_TRUE(end.has_value());
        EXPECT_NE(end->find("is no shared page"), std::string::npos) << *end;
    }
}

// --- Messages, by the attestation enclave's code ---------------------------

using attest::GuestMessages;
using M = attest::MessageRefusal;

struct Answered {
    R refusal = R::kNone;
    std::uint64_t error = 0;
    M message = M::kNone;
};

// What becomes of a request for a report.
Answered ask(Guest& guest, GhcbChannel& channel, GuestMessages& messages) {
    attest::MessagePage page;
    Answered answered;
    const Block<0x60> request{};
    EXPECT_EQ(messages.seal(abi::GuestMessageType::kReportRequest, request, page), M::kNone);
    guest.at<attest::MessagePage>(kRequest) = page;
    answered.refusal = channel.guest_request(PhysAddr{kRequest}, PhysAddr{kResponse}, answered.error);
    if (answered.refusal != R::kNone || answered.error != 0) return answered;
    page = guest.at<attest::MessagePage>(kResponse);
    Block<abi::kGuestMessageMost> report;
    std::size_t size = 0;
    answered.message = messages.open(page, report, size);
    return answered;
}

TEST(Carrier, MessagesReachTheSecureProcessor) {
    Guest guest;
    GhcbChannel channel = guest.ready();
    GuestMessages messages;
    messages.begin(guest.keys()[0], 0);
    for (int i = 0; i < 3; i++) {
        const Answered answered = ask(guest, channel, messages);
        EXPECT_EQ(answered.refusal, R::kNone);
        EXPECT_EQ(answered.error, 0u);
        EXPECT_EQ(answered.message, M::kNone);
    }
    messages.begin(guest.keys()[0], 0, 2);  // a number is used once
    EXPECT_EQ(ask(guest, channel, messages).error, static_cast<std::uint64_t>(Status::kAeadOverflow));
}

TEST(Carrier, AnExtendedRequestBringsCertificates) {
    Guest guest;
    guest.ready();
    GuestMessages messages;
    messages.begin(guest.keys()[0], 0);
    attest::MessagePage page;
    const Block<0x60> request{};
    ASSERT_EQ(messages.seal(abi::GuestMessageType::kReportRequest, request, page), M::kNone);
    guest.at<attest::MessagePage>(kRequest) = page;

    constexpr std::uint64_t kTable = 0x31'0000;
    const auto ask_with = [&](std::uint64_t pages) {
        abi::Ghcb ghcb{};
        ghcb.version = abi::kGhcbVersion;
        ghcb.exit_code = static_cast<std::uint64_t>(abi::GhcbEvent::kExtendedGuestRequest);
        ghcb.exit_info_1 = kRequest;
        ghcb.exit_info_2 = kResponse;
        ghcb.rax = kTable;
        ghcb.rbx = pages;
        ghcb.valid_bitmap[0] = ghcb.valid_bitmap[1] = ~0ull;
        guest.at<abi::Ghcb>(kGhcb) = ghcb;
        guest.exit(kGhcb);
        return guest.at<abi::Ghcb>(kGhcb);
    };
    const abi::Ghcb small = ask_with(0);
    EXPECT_EQ(small.exit_info_2, std::uint64_t{abi::kRequestCertificatesTooLarge} << 32);
    ASSERT_GT(small.rbx, 0u);
    EXPECT_EQ(ask_with(small.rbx - 1).exit_info_2, small.exit_info_2);
    EXPECT_EQ(ask_with(small.rbx).exit_info_2, 0u);
    EXPECT_FALSE(all_zero({&guest.at<std::uint8_t>(kTable), kPage}));
    page = guest.at<attest::MessagePage>(kResponse);
    Block<abi::kGuestMessageMost> report;
    std::size_t size = 0;
    EXPECT_EQ(messages.open(page, report, size), M::kNone);
    EXPECT_EQ(ask_with(0x10'0000).exit_info_1, 2u);  // more room than there is memory
}

TEST(Carrier, LiesAboutMessages) {
    const struct {
        const char* lie;
        int honest;  // answers before it
        M message;
        R refusal = R::kNone;
        std::uint64_t error = 0;
    } cases[] = {
        {"message-text", 0, M::kTag},
        {"message-text:2", 2, M::kTag},
        {"message-tag", 0, M::kTag},
        {"message-number", 0, M::kSequence},
        {"message-type", 0, M::kHeader},
        {"message-key", 0, M::kHeader},
        {"message-none", 0, M::kSequence},
        {"message-none:1", 1, M::kSequence},
        {"message-reflected", 0, M::kSequence},
        {"message-late", 1, M::kSequence},
        {"message-replayed", 1, M::kSequence},
        {"message-error", 0, M::kNone, R::kNone, 0x1d},
        {"message-unknown-error", 0, M::kNone, R::kNone, 0x1'0000},
        {"message-host-error", 0, M::kNone, R::kNone, 1ull << 32},
        {"message-inject-gp", 0, M::kNone, R::kException},
    };
    for (const auto& expected : cases) {
        Guest guest{{expected.lie}};
        GhcbChannel channel = guest.ready();
        GuestMessages messages;
        messages.begin(guest.keys()[0], 0);
        for (int i = 0; i < expected.honest; i++)
            EXPECT_EQ(ask(guest, channel, messages).message, M::kNone) << expected.lie;
        const Answered answered = ask(guest, channel, messages);
        EXPECT_EQ(answered.message, expected.message) << expected.lie;
        EXPECT_EQ(answered.refusal, expected.refusal) << expected.lie;
        EXPECT_EQ(answered.error, expected.error) << expected.lie;
    }
}

TEST(Lies, AreNamed) {
    EXPECT_TRUE(parse_lie("info-old").ok());
    EXPECT_EQ(parse_lie("pvalidate-unchanged:12").value().honest_before, 12u);
    EXPECT_FALSE(parse_lie("info-old:").ok());
    EXPECT_FALSE(parse_lie("info-old:1x").ok());
    EXPECT_FALSE(parse_lie("the-truth").ok());
}

// A guest may say that a list goes on far beyond its page.
TEST(HostileGuests, LiesStayWithinThePage) {
    for (const char* lie : {"pages-most", "pages-within-a-page", "pages-too-many"}) {
        Guest guest{{lie}};
        guest.ready();
        auto& page = guest.at<abi::Ghcb>(kGhcb);
        page = {};
        page.exit_code = static_cast<std::uint64_t>(abi::GhcbEvent::kPageStateChange);
        page.scratch = kGhcb + offsetof(abi::Ghcb, shared_buffer);
        page.valid_bitmap[0] = page.valid_bitmap[1] = ~0ull;
        page.version = abi::kGhcbVersion;
        const abi::PageStateHeader header{0xffff, 0xffff, 0};
        std::memcpy(page.shared_buffer, &header, sizeof(header));
        guest.exit(kGhcb);
        EXPECT_EQ(guest.end, std::nullopt) << lie;
    }
}

// A short form of carrier_fuzz: the same guests from a pseudo-random source.
TEST(HostileGuests, AreAnsweredOrEnded) {
    std::mt19937_64 random{20261};
    for (int run = 0; run < 300; run++) {
        Bytes bytes(600);
        for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
        run_hostile_guest(bytes);
    }
}

}  // namespace
}  // namespace enclavisor::sim
