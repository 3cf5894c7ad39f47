// The GHCB protocol with a hypervisor that tells the truth, and with one that lies about one thing at
// a time: each lie ends in a named refusal, and nothing of the answer is used.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "kernel/testing/hypervisor_model.hpp"

namespace enclavisor::kernel::testing {
namespace {

using R = GhcbRefusal;
using Page = abi::Ghcb;

class GhcbTest : public ::testing::Test {
protected:
    HypervisorModel model_;
    GhcbChannel channel_ = model_.channel();
    AcceptedMemory memory_{HypervisorModel::pvalidate};
};

TEST_F(GhcbTest, NegotiatesByTheMsr) {
    EXPECT_EQ(channel_.negotiate(HypervisorModel::kCBit), R::kNone);
    EXPECT_EQ(channel_.version(), 2u);
    EXPECT_EQ(channel_.require(abi::kFeatureSnp | abi::kFeatureApCreation), R::kNone);
    EXPECT_EQ(channel_.register_page(), R::kNone);
    EXPECT_EQ(channel_.share_early(PhysAddr{HypervisorModel::kPage}), R::kNone);
    CpuidValues values;
    EXPECT_EQ(channel_.cpuid_early(0x8000001f, values), R::kNone);
    EXPECT_EQ(values, (CpuidValues{0x1f0, 0x1f1, 0x1f2, 0x1f3}));
    channel_.terminate(R::kCBit);
    EXPECT_EQ(model_.terminated, 0x100u | 14u << 12 | 3u << 16);
}

// An older hypervisor, where its version is enough.
TEST_F(GhcbTest, SpeaksTheNewestVersionOfBoth) {
    for (const std::uint64_t newest : {1, 2, 9}) {
        model_.msr_lie = [&](std::uint64_t, std::uint64_t) {
            return newest << 48 | 1ull << 32 | std::uint64_t{HypervisorModel::kCBit} << 24 | 1;
        };
        EXPECT_EQ(channel_.negotiate(HypervisorModel::kCBit), newest == 1 ? R::kVersion : R::kNone);
        EXPECT_EQ(channel_.negotiate(HypervisorModel::kCBit, 1), R::kNone);
        model_.msr_lie = nullptr;
        CpuidValues values;
        EXPECT_EQ(channel_.cpuid(7, 1, 5, values), R::kNone);
        EXPECT_EQ(model_.page.version, newest == 1 ? 1u : 2u);
    }
}

TEST_F(GhcbTest, AsksByThePage) {
    CpuidValues values;
    EXPECT_EQ(channel_.cpuid(7, 1, 5, values), R::kNone);
    EXPECT_EQ(values, (CpuidValues{8, 9, 4, 0})) << "XCR0 goes along with leaf 0xd only";
    EXPECT_EQ(channel_.cpuid(0xd, 1, 5, values), R::kNone);
    EXPECT_EQ(values.edx, 5u);

    std::uint32_t word = 0;
    EXPECT_EQ(channel_.port_out(0x70, 1, 0x1234), R::kNone);
    EXPECT_EQ(model_.ports[0x70], 0x34u);
    model_.ports[0x71] = 0x8765'4321;
    EXPECT_EQ(channel_.port_in(0x71, 1, word), R::kNone);
    EXPECT_EQ(word, 0x21u);
    EXPECT_EQ(channel_.port_in(0x71, 4, word), R::kNone);
    EXPECT_EQ(word, 0x8765'4321u);

    std::uint64_t value = 0;
    EXPECT_EQ(channel_.write_msr(0x1b, 0x1234'5678'9abc'def0), R::kNone);
    EXPECT_EQ(channel_.read_msr(0x1b, value), R::kNone);
    EXPECT_EQ(value, 0x1234'5678'9abc'def0u);

    EXPECT_EQ(channel_.mmio_write32(PhysAddr{0xf000'0004}, 77), R::kNone);
    EXPECT_EQ(channel_.mmio_read32(PhysAddr{0xf000'0004}, word), R::kNone);
    EXPECT_EQ(word, 77u);
    EXPECT_EQ(model_.page.scratch, HypervisorModel::kPage + 0x800);
    EXPECT_EQ(model_.page.version, 2u);
    EXPECT_EQ(model_.page.usage, 0u);

    EXPECT_EQ(channel_.create_cpu(3, PhysAddr{0x9000}, 1), R::kNone);
    EXPECT_EQ(model_.started_cpu, 0x9000u);
    // Who sealed the message judges the error, whatever it is.
    for (const std::uint64_t error : {0ull, 2ull << 32, 1ull << 32, 9ull << 32, 0x1'0000ull, ~0ull}) {
        model_.request_error = error;
        value = 99;
        EXPECT_EQ(channel_.guest_request(PhysAddr{0x1000}, PhysAddr{0x2000}, value), R::kNone);
        EXPECT_EQ(value, error);
    }
}

// Registers of an earlier call are not sent along with a later one.
TEST_F(GhcbTest, SendsNothingButTheRequest) {
    EXPECT_EQ(channel_.write_msr(0x1b, ~0ull), R::kNone);
    std::uint64_t seen = 0;
    model_.page_lie = [&](Page& page) { seen = page.valid_bitmap[0]; };
    EXPECT_EQ(channel_.port_out(0x70, 1, 0), R::kNone);
    EXPECT_EQ(seen, 1ull << 0x1f8 / 8);
}

TEST_F(GhcbTest, AcceptsMemoryOnce) {
    EXPECT_EQ(memory_.note_launched(0x100, 0x200), R::kNone);
    // Small pages up to the first large one, three large ones, the rest.
    EXPECT_EQ(memory_.accept(channel_, 0x3f0, 0xa05), R::kNone);
    for (const std::uint64_t frame : {0x3f0, 0x400, 0x7ff, 0xa00, 0xa04}) {
        EXPECT_TRUE(model_.validated(frame) && memory_.accepted(frame)) << frame;
    }
    EXPECT_TRUE(memory_.accepted(0x100) && memory_.accepted(0x1ff));
    EXPECT_FALSE(memory_.accepted(0x200) || memory_.accepted(0xa05) || memory_.accepted(0x3ef));
    EXPECT_FALSE(model_.assigned(0x3ef) || model_.assigned(0xa05));
    EXPECT_EQ(memory_.accept(channel_, 0xa05, 0xa06), R::kNone);
    EXPECT_EQ(memory_.accept(channel_, 0x300, 0x3f0), R::kNone);
    for (const auto& [begin, end] : {std::pair{0x1ff, 0x200}, {0x90, 0x101}, {0xa05, 0xb00}, {0, 0x10000}}) {
        const int before = model_.exits;
        EXPECT_EQ(memory_.accept(channel_, begin, end), R::kValidatedTwice);
        EXPECT_EQ(model_.exits, before);
    }
}

TEST_F(GhcbTest, AcceptsMemoryInAnyPieces) {
    // Large pages backed by small ones; a hypervisor that stops after so many.
    model_.small_pages = true;
    EXPECT_EQ(memory_.accept(channel_, 0x400, 0x800), R::kNone);
    EXPECT_TRUE(model_.validated(0x400) && model_.validated(0x7ff));
    for (const unsigned at_once : {1u, 7u, 252u, 253u, 511u}) {
        HypervisorModel model;
        auto channel = model.channel();
        AcceptedMemory memory{HypervisorModel::pvalidate};
        model.pages_at_once = at_once;
        EXPECT_EQ(memory.accept(channel, 0x3f0, 0x810), R::kNone) << at_once;
        for (std::uint64_t frame = 0x3f0; frame < 0x810; frame++) ASSERT_TRUE(model.validated(frame));
    }
}

TEST_F(GhcbTest, TooManyPiecesAreRefused) {
    for (std::uint64_t i = 0; i < 16; i++) EXPECT_EQ(memory_.note_launched(4 * i, 4 * i + 2), R::kNone);
    EXPECT_EQ(memory_.note_launched(100, 101), R::kTooManyRanges);
    EXPECT_EQ(memory_.note_launched(2, 4), R::kNone) << "one that closes a gap has room";
    EXPECT_EQ(memory_.note_launched(100, 101), R::kNone);
}

// --- Lies --------------------------------------------------------------------

struct MsrLie {
    const char* name;
    std::uint64_t (*tell)(std::uint64_t truth);
    R (*ask)(GhcbChannel&);
    R expected;
};

R negotiate(GhcbChannel& channel) {
    return channel.negotiate(HypervisorModel::kCBit);
}
R require(GhcbChannel& channel) {
    return channel.require(abi::kFeatureSnp | abi::kFeatureApCreation);
}
R register_page(GhcbChannel& channel) {
    return channel.register_page();
}
R share(GhcbChannel& channel) {
    return channel.share_early(PhysAddr{0x5000});
}
R cpuid_early(GhcbChannel& channel) {
    CpuidValues values{1, 2, 3, 4};
    const R refusal = channel.cpuid_early(1, values);
    EXPECT_TRUE(refusal == R::kNone || values == (CpuidValues{1, 2, 3, 4}));
    return refusal;
}

const MsrLie kMsrLies[] = {
    {"no answer to the question for versions", [](std::uint64_t) -> std::uint64_t { return 0ull; }, negotiate,
     R::kWrongAnswer},
    {"the request itself as the answer", [](std::uint64_t) -> std::uint64_t { return 0x2ull; }, negotiate,
     R::kWrongAnswer},
    {"only version 1",
     [](std::uint64_t) -> std::uint64_t { return 1ull << 48 | 1ull << 32 | 51ull << 24 | 1; }, negotiate,
     R::kVersion},
    {"version 3 and later only",
     [](std::uint64_t) -> std::uint64_t { return 9ull << 48 | 3ull << 32 | 51ull << 24 | 1; }, negotiate,
     R::kVersion},
    {"version 0", [](std::uint64_t) -> std::uint64_t { return 51ull << 24 | 1; }, negotiate, R::kVersion},
    {"the C-bit one higher", [](std::uint64_t truth) -> std::uint64_t { return truth + (1ull << 24); },
     negotiate, R::kCBit},
    {"no C-bit", [](std::uint64_t truth) -> std::uint64_t { return truth & ~(0xffull << 24); }, negotiate,
     R::kCBit},
    {"no features", [](std::uint64_t) -> std::uint64_t { return 0x081ull; }, require, R::kFeatures},
    {"no creation of CPUs", [](std::uint64_t) -> std::uint64_t { return 1ull << 12 | 0x081; }, require,
     R::kFeatures},
    {"features under another number", [](std::uint64_t truth) -> std::uint64_t { return truth ^ 1; }, require,
     R::kWrongAnswer},
    {"another page registered", [](std::uint64_t truth) -> std::uint64_t { return truth + 0x1000; },
     register_page, R::kRegistration},
    {"no page registered", [](std::uint64_t) -> std::uint64_t { return ~0xfffull | 0x013; }, register_page,
     R::kRegistration},
    {"registration under another number", [](std::uint64_t truth) -> std::uint64_t { return truth & ~1ull; },
     register_page, R::kWrongAnswer},
    {"sharing failed", [](std::uint64_t truth) -> std::uint64_t { return truth | 1ull << 32; }, share,
     R::kPageStateRefused},
    {"sharing under another number", [](std::uint64_t) -> std::uint64_t { return 0x014ull; }, share,
     R::kWrongAnswer},
    {"sharing with reserved bits", [](std::uint64_t truth) -> std::uint64_t { return truth | 1 << 20; },
     share, R::kWrongAnswer},
    {"CPUID's request as its answer", [](std::uint64_t truth) -> std::uint64_t { return truth ^ 1; },
     cpuid_early, R::kWrongAnswer},
    {"CPUID's answer for another register",
     [](std::uint64_t truth) -> std::uint64_t { return truth | 1 << 30; }, cpuid_early, R::kWrongAnswer},
};

TEST(GhcbLies, ByTheMsr) {
    for (const MsrLie& lie : kMsrLies) {
        SCOPED_TRACE(lie.name);
        HypervisorModel model;
        GhcbChannel channel = model.channel();
        EXPECT_EQ(lie.ask(channel), R::kNone) << "without the lie";
        model.msr_lie = [&](std::uint64_t, std::uint64_t truth) { return lie.tell(truth); };
        EXPECT_EQ(lie.ask(channel), lie.expected);
    }
}

struct PageLie {
    const char* name;
    void (*tell)(Page&);
    R (*ask)(GhcbChannel&);
    R expected;
};

R cpuid(GhcbChannel& channel) {
    CpuidValues values{1, 2, 3, 4};
    const R refusal = channel.cpuid(0xd, 0, 7, values);
    EXPECT_TRUE(refusal == R::kNone || values == (CpuidValues{1, 2, 3, 4}));
    return refusal;
}
R port_in(GhcbChannel& channel) {
    std::uint32_t value = 99;
    const R refusal = channel.port_in(0x71, 1, value);
    EXPECT_TRUE(refusal == R::kNone || value == 99u);
    return refusal;
}
R read_msr(GhcbChannel& channel) {
    std::uint64_t value = 99;
    const R refusal = channel.read_msr(0x1b, value);
    EXPECT_TRUE(refusal == R::kNone || value == 99u);
    return refusal;
}
R mmio_read(GhcbChannel& channel) {
    std::uint32_t value = 99;
    const R refusal = channel.mmio_read32(PhysAddr{0xf000'0000}, value);
    EXPECT_TRUE(refusal == R::kNone || value == 99u);
    return refusal;
}
R change(GhcbChannel& channel) {
    const std::uint64_t entries[] = {0x40'0000 | abi::kPagePrivate | abi::kPageLarge,
                                     0x60'0000 | abi::kPagePrivate, 0x60'1000 | abi::kPagePrivate};
    return channel.change_pages(entries);
}
R guest_request(GhcbChannel& channel) {
    std::uint64_t error = 99;
    const R refusal = channel.guest_request(PhysAddr{0x1000}, PhysAddr{0x2000}, error);
    EXPECT_TRUE(refusal == R::kNone || error == 99u);
    return refusal;
}
R create_cpu(GhcbChannel& channel) {
    return channel.create_cpu(1, PhysAddr{0x9000}, 1);
}

void set_result(Page& page, std::uint64_t result, std::uint64_t info = 0) {
    page.exit_info_1 = result;
    page.exit_info_2 = info;
}
template <std::size_t kOffset>
void unmark(Page& page) {
    page.valid_bitmap[kOffset / 512] &= ~(1ull << kOffset / 8 % 64);
}
void set_header(Page& page, std::uint16_t current, std::uint16_t last, std::uint64_t noted = 0) {
    const abi::PageStateHeader header{current, last, 0};
    std::memcpy(page.shared_buffer, &header, sizeof(header));
    std::uint64_t entry = 0;
    std::memcpy(&entry, page.shared_buffer + 8 + 8 * current, 8);
    entry = (entry & ~0xfffull) | noted;
    std::memcpy(page.shared_buffer + 8 + 8 * current, &entry, 8);
}

const PageLie kPageLies[] = {
    {"CPUID without RAX", unmark<0x1f8>, cpuid, R::kMissingOutput},
    {"CPUID without RBX", unmark<0x318>, cpuid, R::kMissingOutput},
    {"CPUID without RCX", unmark<0x308>, cpuid, R::kMissingOutput},
    {"CPUID without RDX", unmark<0x310>, cpuid, R::kMissingOutput},
    {"a port without RAX", unmark<0x1f8>, port_in, R::kMissingOutput},
    {"an MSR without RDX", unmark<0x310>, read_msr, R::kMissingOutput},
    {"nothing marked valid", [](Page& page) { page.valid_bitmap[0] = page.valid_bitmap[1] = 0; }, read_msr,
     R::kMissingOutput},
    {"result 3", [](Page& page) { set_result(page, 3); }, port_in, R::kUnknownResult},
    {"result ~0", [](Page& page) { set_result(page, ~0ull); }, mmio_read, R::kUnknownResult},
    {"our request is malformed", [](Page& page) { set_result(page, 2, 5); }, cpuid, R::kCalledMalformed},
    {"#GP where there is none", [](Page& page) { set_result(page, 1, 0x8000'0b0d); }, read_msr,
     R::kException},
    {"#UD where there is none", [](Page& page) { set_result(page, 1, 0x8000'0306); }, cpuid, R::kException},
    {"#PF injected", [](Page& page) { set_result(page, 1, 0x8000'0b0e); }, cpuid, R::kInjection},
    {"#VC injected", [](Page& page) { set_result(page, 1, 0x8000'0b1d); }, cpuid, R::kInjection},
    {"#DB injected", [](Page& page) { set_result(page, 1, 0x8000'0301); }, port_in, R::kInjection},
    {"int 0x80 injected", [](Page& page) { set_result(page, 1, 0x8000'0480); }, port_in, R::kInjection},
    {"#GP as an interrupt", [](Page& page) { set_result(page, 1, 0x8000'000d); }, mmio_read, R::kInjection},
    {"an NMI injected", [](Page& page) { set_result(page, 1, 0x8000'0202); }, mmio_read, R::kInjection},
    {"an event that is not valid", [](Page& page) { set_result(page, 1, 0x30d); }, mmio_read, R::kInjection},
    {"page states refused", [](Page& page) { page.exit_info_2 = 0x100'0000'0001; }, change,
     R::kPageStateRefused},
    {"page states with an exception", [](Page& page) { set_result(page, 1, 0x8000'0b0d); }, change,
     R::kException},
    {"more page states than asked", [](Page& page) { set_header(page, 9, 2); }, change, R::kPageStateRange},
    {"page states up to ~0", [](Page& page) { set_header(page, 0xff, 2); }, change, R::kPageStateRange},
    {"a shorter list", [](Page& page) { set_header(page, 1, 0); }, change, R::kPageStateRange},
    {"a longer list", [](Page& page) { set_header(page, 1, 200); }, change, R::kPageStateRange},
    {"nothing is ever done", [](Page& page) { set_header(page, 0, 2); }, change, R::kPageStateStuck},
    {"always half of a large page", [](Page& page) { set_header(page, 0, 2, 256); }, change,
     R::kPageStateStuck},
    {"more pages than a large one has", [](Page& page) { set_header(page, 0, 2, 512); }, change,
     R::kPageStateRange},
    {"half of a small page", [](Page& page) { set_header(page, 1, 2, 1); }, change, R::kPageStateRange},
    {"a guest request with an exception", [](Page& page) { set_result(page, 1, 0x8000'0b0d); }, guest_request,
     R::kException},
    {"a guest request with result 3", [](Page& page) { set_result(page, 3); }, guest_request,
     R::kUnknownResult},
    {"a CPU is not started", [](Page& page) { page.exit_info_2 = 1; }, create_cpu, R::kCpuNotStarted},
    {"a CPU with an exception", [](Page& page) { set_result(page, 1, 0x8000'0b0d); }, create_cpu,
     R::kException},
};

TEST(GhcbLies, ByThePage) {
    for (const PageLie& lie : kPageLies) {
        SCOPED_TRACE(lie.name);
        HypervisorModel model;
        GhcbChannel channel = model.channel();
        EXPECT_EQ(lie.ask(channel), R::kNone) << "without the lie";
        model.page_lie = lie.tell;
        EXPECT_EQ(lie.ask(channel), lie.expected);
    }
}

TEST(GhcbLies, PageStatesThatGoBackwards) {
    HypervisorModel model;
    GhcbChannel channel = model.channel();
    int round = 0;
    model.page_lie = [&](Page& page) { set_header(page, 0, 2, round++ % 2 == 0 ? 300 : 100); };
    EXPECT_EQ(change(channel), R::kPageStateRange);
    round = 0;
    model.page_lie = [&](Page& page) { set_header(page, round++ % 2 == 0 ? 2 : 1, 2); };
    EXPECT_EQ(change(channel), R::kPageStateRange);
}

// The hypervisor says that pages are private, and they are not, or are others.
TEST(GhcbLies, AboutMemory) {
    const struct {
        const char* name;
        std::function<void(HypervisorModel&)> tell;
        R expected;
    } lies[] = {
        {"nothing was assigned, but it says so",
         [](HypervisorModel& model) {
             model.pages_at_once = 0;
             model.page_lie = [](Page& page) { set_header(page, 1, 0); };
         },
         R::kPvalidate},
        {"the page was validated before, at another place",
         [](HypervisorModel& model) {
             model.pvalidate_lie = [](std::uint64_t, PvalidateResult& result) { result.unchanged = true; };
         },
         R::kNotChanged},
        {"PVALIDATE fails for one page of many",
         [](HypervisorModel& model) {
             model.pvalidate_lie = [](std::uint64_t frame, PvalidateResult& result) {
                 if (frame == 0x405) result.code = 1;
             };
         },
         R::kPvalidate},
        {"a small page has the wrong size",
         [](HypervisorModel& model) {
             model.pvalidate_lie = [](std::uint64_t, PvalidateResult& result) { result.code = 6; };
         },
         R::kPvalidate},
    };
    for (const auto& lie : lies) {
        SCOPED_TRACE(lie.name);
        HypervisorModel model;
        GhcbChannel channel = model.channel();
        AcceptedMemory memory{HypervisorModel::pvalidate};
        lie.tell(model);
        const std::uint64_t end = lie.expected == R::kPvalidate && model.page_lie ? 0x402 : 0x410;
        EXPECT_EQ(memory.accept(channel, 0x401, end), lie.expected);
        // It is never tried again.
        model.pvalidate_lie = nullptr;
        model.page_lie = nullptr;
        EXPECT_EQ(memory.accept(channel, 0x401, end), R::kValidatedTwice);
    }
}

// A page exchanged after it was accepted is unvalidated, and the kernel would have to validate it again.
TEST(GhcbLies, AnExchangedPageIsNotValidatedAgain) {
    HypervisorModel model;
    GhcbChannel channel = model.channel();
    AcceptedMemory memory{HypervisorModel::pvalidate};
    ASSERT_EQ(memory.accept(channel, 0x401, 0x402), R::kNone);
    model.exchange(0x401);
    EXPECT_EQ(memory.accept(channel, 0x401, 0x402), R::kValidatedTwice);
    EXPECT_FALSE(model.validated(0x401));
}

TEST(GhcbLies, EachReasonHasWordsOfItsOwn) {
    std::set<std::string> seen;
    for (int i = 0; i <= static_cast<int>(R::kTscFrequency); i++) {
        EXPECT_TRUE(seen.insert(describe(static_cast<R>(i))).second);
    }
    EXPECT_EQ(seen.count("unknown"), 0u);
}

}  // namespace
}  // namespace enclavisor::kernel::testing
