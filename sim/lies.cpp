#include "sim/lies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "abi/platform/guest_message.hpp"
#include "sim/carrier.hpp"

namespace enclavisor::sim {
namespace {

namespace msr = abi::ghcb_msr;
using abi::Ghcb;
using Honest = std::function<void()>;
using Tell = void (*)(Exchange&, Carrier&, const Honest&);

// --- Parts of lies ---------------------------------------------------------

// The true answer, with bits of the MSR in place of others.
template <std::uint64_t mask, std::uint64_t bits>
void msr_says(Exchange& exchange, Carrier&, const Honest& honest) {
    honest();
    exchange.msr = (exchange.msr & ~mask) | bits;
}

// Another answer than the true one, of which nothing is done.
template <std::uint64_t info, std::uint64_t more>
void page_says(Exchange& exchange, Carrier&, const Honest&) {
    exchange.result(info, more);
}

// The true answer, but for the result.
template <std::uint64_t info, std::uint64_t more>
void page_says_after(Exchange& exchange, Carrier&, const Honest& honest) {
    honest();
    exchange.result(info, more);
}

// SW_EXITINFO2 of an event to be injected: valid, its type, its vector.
constexpr std::uint64_t event(unsigned type, unsigned vector) {
    return 1ull << 31 | type << 8 | vector;
}
constexpr unsigned kInterrupt = 0, kNmi = 2, kException = 3, kSoftwareInterrupt = 4;

template <auto member>
void forget(Exchange& exchange, Carrier&, const Honest& honest) {
    honest();
    const Ghcb& page = *exchange.page;
    const auto offset = static_cast<std::size_t>(reinterpret_cast<const char*>(&(page.*member)) -
                                                 reinterpret_cast<const char*>(&page));
    exchange.page->valid_bitmap[offset / 512] &= ~Exchange::bit(offset);
}

abi::PageStateHeader header(const Exchange& exchange) {
    abi::PageStateHeader found;
    std::memcpy(&found, exchange.page->shared_buffer, sizeof(found));
    return found;
}
void set_header(Exchange& exchange, const abi::PageStateHeader& to) {
    std::memcpy(exchange.page->shared_buffer, &to, sizeof(to));
}
// A hostile guest's numbers may lie beyond its page.
std::uint8_t* entry_at(Exchange& exchange, unsigned number) {
    return exchange.page->shared_buffer + sizeof(abi::PageStateHeader) +
           8u * std::min(number, abi::kMostPageStates - 1);
}
std::uint64_t entry(Exchange& exchange, unsigned number) {
    std::uint64_t found;
    std::memcpy(&found, entry_at(exchange, number), 8);
    return found;
}

// Says to have changed all.
void all_changed(Exchange& exchange) {
    abi::PageStateHeader now = header(exchange);
    now.current = static_cast<std::uint16_t>(now.last + 1);
    set_header(exchange, now);
    exchange.result(0, 0);
}

void change_none(Exchange& exchange, Carrier&, const Honest&) {
    all_changed(exchange);
}

// All but the last page.
void change_most(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    const std::uint64_t last = entry(exchange, header(exchange).last);
    honest();
    const std::uint64_t address = last & 0x000f'ffff'ffff'f000;
    carrier.change_state(address, (last >> 52 & 0xf) == 1 ? 2 : 1, (last & abi::kPageLarge) != 0);
}

void change_nothing_yet(Exchange& exchange, Carrier&, const Honest&) {
    exchange.result(0, 0);
}

template <unsigned beyond>
void change_too_many(Exchange& exchange, Carrier&, const Honest& honest) {
    honest();
    abi::PageStateHeader now = header(exchange);
    now.current = static_cast<std::uint16_t>(now.current + beyond);
    set_header(exchange, now);
}

void change_another_list(Exchange& exchange, Carrier&, const Honest& honest) {
    honest();
    abi::PageStateHeader now = header(exchange);
    now.last++;
    set_header(exchange, now);
}

void change_within_a_page(Exchange& exchange, Carrier&, const Honest&) {
    const unsigned current = header(exchange).current;
    const std::uint64_t noted = entry(exchange, current) | 0xfff;
    std::memcpy(entry_at(exchange, current), &noted, 8);
    exchange.result(0, 0);
}

void share_not(Exchange& exchange, Carrier&, const Honest&) {
    exchange.msr = msr::kPageAnswer;
}

void register_not(Exchange& exchange, Carrier&, const Honest&) {
    exchange.msr = (exchange.asked_msr & ~msr::kMask) | msr::kRegisterAnswer;
}

template <std::uint64_t code>
void instruction_says(Exchange& exchange, Carrier&, const Honest&) {
    exchange.out.rax = code;
    exchange.out.rflags = exchange.in.rflags & ~1ull;
}

void unchanged(Exchange& exchange, Carrier&, const Honest& honest) {
    honest();
    exchange.out.rflags |= 1;
}

// The page is validated already, before the guest does it.
void validated_before(Exchange&, Carrier&, const Honest& honest) {
    honest();
    honest();
}

// The page is the hypervisor's again when the guest validates it.
void taken_back(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    const bool large = (exchange.in.rcx & 1) != 0;
    carrier.change_state(exchange.in.rax, 2, large);
    honest();
}

// Another page, which nobody has validated, in the place of what was made a vCPU's state.
void exchanged(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    carrier.reassign(exchange.info_2);
    honest();
}

template <std::uint64_t value>
void port_says(Exchange& exchange, Carrier&, const Honest& honest) {
    honest();
    exchange.page->rax = value;
}

// --- Messages --------------------------------------------------------------

using Header = abi::GuestMessageHeader;
constexpr std::size_t kNumberOffset = offsetof(Header, sequence), kTextOffset = sizeof(Header);
// Of a report.
constexpr std::size_t kTextSize = sizeof(abi::ReportResponse) + abi::kReportSize;

std::span<std::uint8_t> response(Exchange& exchange, Carrier& carrier) {
    const auto page = carrier.shared_page(exchange.info_2);
    if (!page) return {};
    return {reinterpret_cast<std::uint8_t*>(page->data()), page->size()};
}

template <std::size_t offset>
void message_with_another_bit(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    honest();
    const auto page = response(exchange, carrier);
    if (!page.empty()) page[offset] ^= 1;
}

void no_message(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    const auto page = response(exchange, carrier);
    const Bytes before{page.begin(), page.end()};
    honest();
    std::ranges::copy(before, page.begin());
}

// The secure processor never sees it.
void dropped(Exchange& exchange, Carrier&, const Honest&) {
    exchange.result(0, 0);
}

// The true answer with the number before the last.
void older(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    honest();
    const auto page = response(exchange, carrier);
    if (!page.empty()) page[kNumberOffset] -= 2;
}

constexpr std::uint64_t kSaysBusy = std::uint64_t{abi::kRequestBusy} << 32,
                        kNoRoom = std::uint64_t{abi::kRequestCertificatesTooLarge} << 32;

// As if certificates had been asked for.
void wants_room(Exchange& exchange, Carrier&, const Honest&) {
    exchange.output(&Ghcb::rbx, offsetof(Ghcb, rbx), 8);
    exchange.result(0, kNoRoom);
}

// Busy for three attempts, and then no more: what an honest hypervisor may be.
void busy_for_a_while(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    if (carrier.times_busy++ >= 3) return honest();
    exchange.result(0, kSaysBusy);
}

// Each message is delivered, and then again since the answer was kept back.
void busy_but_delivered(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    honest();
    if (carrier.times_busy++ == 0) exchange.result(0, kSaysBusy);
}

// The question itself comes back.
void reflected(Exchange& exchange, Carrier& carrier, const Honest&) {
    const auto question = carrier.shared_page(exchange.info_1);
    const auto page = response(exchange, carrier);
    if (question && !page.empty()) std::memmove(page.data(), question->data(), page.size());
    exchange.result(0, 0);
}

// Each answer comes one question late; the first is kept.
void late(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    honest();
    const auto page = response(exchange, carrier);
    const Block<kMessagePage> fresh = block_of<kMessagePage>(page);
    if (carrier.earlier_message && !page.empty()) std::ranges::copy(*carrier.earlier_message, page.begin());
    carrier.earlier_message = fresh;
}

// The first answer again and again.
void replayed(Exchange& exchange, Carrier& carrier, const Honest& honest) {
    honest();
    const auto page = response(exchange, carrier);
    if (!carrier.earlier_message) carrier.earlier_message = block_of<kMessagePage>(page);
    if (!page.empty()) std::ranges::copy(*carrier.earlier_message, page.begin());
}

// --- The CPUID page that is proposed ---------------------------------------

abi::CpuidEntry& encryption(abi::CpuidPage& page) {
    return page.entries[page.count - 1];
}

// --- The processor's registers, of a launch that nobody compares -----------

template <std::uint64_t status>
void status_is(abi::SimProcessor& processor, unsigned) {
    processor.sev_status = status;
}
template <std::uint64_t bits>
void status_lacks(abi::SimProcessor& processor, unsigned) {
    processor.sev_status &= ~bits;
}
template <std::uint64_t feature>
void feature_is_on(abi::SimProcessor& processor, unsigned) {
    processor.sev_status |= feature << abi::kSevStatusFeatures;
}
template <std::uint64_t feature>
void feature_differs(abi::SimProcessor& processor, unsigned cpu) {
    if (cpu == 1) processor.sev_status ^= feature << abi::kSevStatusFeatures;
}
template <std::uint64_t megahertz>
void frequency_is(abi::SimProcessor& processor, unsigned) {
    processor.guest_tsc_frequency = megahertz;
}

constexpr Lie answers(std::string_view name, Topic topic, Tell tell) {
    return {name, topic, tell, nullptr, nullptr};
}
constexpr Lie launches(std::string_view name, void (*launch)(LaunchOptions&)) {
    return {name, Topic::kNone, nullptr, launch, nullptr};
}
constexpr Lie registers(std::string_view name, void (*tell)(abi::SimProcessor&, unsigned)) {
    return {name, Topic::kNone, nullptr, nullptr, tell};
}

constexpr std::uint64_t kAll = ~0ull, kVersions = 0xffff'ffffull << 32;

constexpr Lie kLies[] = {
    answers("info-other-answer", Topic::kInfo, msr_says<msr::kMask, msr::kFeaturesAnswer>),
    answers("info-none", Topic::kInfo, msr_says<kAll, 0>),
    answers("info-asks-back", Topic::kInfo, msr_says<kAll, msr::kInfoRequest>),
    answers("info-old", Topic::kInfo, msr_says<kVersions, 1ull << 48 | 1ull << 32>),
    answers("info-older", Topic::kInfo, msr_says<kVersions, 0>),
    answers("info-new", Topic::kInfo, msr_says<kVersions, 9ull << 48 | 3ull << 32>),
    answers("info-c-bit", Topic::kInfo, msr_says<0xffull << 24, 47ull << 24>),
    answers("info-no-c-bit", Topic::kInfo, msr_says<0xffull << 24, 0>),

    answers("features-other-answer", Topic::kFeatures, msr_says<msr::kMask, msr::kInfo>),
    answers("features-none", Topic::kFeatures, msr_says<~msr::kMask, 0>),
    answers("features-no-snp", Topic::kFeatures, msr_says<~msr::kMask, abi::kFeatureApCreation << 12>),
    answers("features-no-ap-creation", Topic::kFeatures, msr_says<~msr::kMask, abi::kFeatureSnp << 12>),

    answers("register-other-answer", Topic::kRegister, msr_says<msr::kMask, msr::kInfo>),
    answers("register-other-page", Topic::kRegister, msr_says<~msr::kMask, 0x5000>),
    answers("register-refused", Topic::kRegister, msr_says<~msr::kMask, ~msr::kMask>),
    answers("register-not", Topic::kRegister, register_not),

    answers("share-other-answer", Topic::kPageMsr, msr_says<msr::kMask, msr::kInfo>),
    answers("share-refused", Topic::kPageMsr, msr_says<kVersions, 1ull << 32>),
    answers("share-reserved-bits", Topic::kPageMsr, msr_says<0xff000, 0x5000>),
    answers("share-not", Topic::kPageMsr, share_not),

    answers("pages-refused", Topic::kPageState, page_says<0, 1ull << 32 | 2>),
    answers("pages-refused-after", Topic::kPageState, page_says_after<0, 1>),
    answers("pages-none", Topic::kPageState, change_none),
    answers("pages-most", Topic::kPageState, change_most),
    answers("pages-not-yet", Topic::kPageState, change_nothing_yet),
    answers("pages-too-many", Topic::kPageState, change_too_many<1>),
    answers("pages-far-too-many", Topic::kPageState, change_too_many<0x8000>),
    answers("pages-of-another-list", Topic::kPageState, change_another_list),
    answers("pages-within-a-page", Topic::kPageState, change_within_a_page),
    answers("pages-malformed", Topic::kPageState, page_says<2, 5>),
    answers("pages-malformed-event", Topic::kPageState, page_says<2, 6>),
    answers("pages-unknown-result", Topic::kPageState, page_says<3, 0>),
    answers("pages-strange-result", Topic::kPageState, page_says_after<0xffff'ffff, 0>),
    answers("pages-inject-gp", Topic::kPageState, page_says<1, event(kException, 13)>),
    answers("pages-inject-ud", Topic::kPageState, page_says<1, event(kException, 6)>),
    answers("pages-inject-pf", Topic::kPageState, page_says<1, event(kException, 14)>),
    answers("pages-inject-db", Topic::kPageState, page_says<1, event(kException, 1)>),
    answers("pages-inject-vc", Topic::kPageState, page_says<1, event(kException, 29)>),
    answers("pages-inject-nmi", Topic::kPageState, page_says<1, event(kNmi, 2)>),
    answers("pages-inject-interrupt", Topic::kPageState, page_says<1, event(kInterrupt, 0x20)>),
    answers("pages-inject-int80", Topic::kPageState, page_says<1, event(kSoftwareInterrupt, 0x80)>),
    answers("pages-inject-nothing", Topic::kPageState, page_says<1, 0>),

    answers("pvalidate-unchanged", Topic::kPvalidate, unchanged),
    answers("pvalidate-before", Topic::kPvalidate, validated_before),
    answers("pvalidate-taken-back", Topic::kPvalidate, taken_back),
    answers("pvalidate-input", Topic::kPvalidate, instruction_says<1>),
    answers("pvalidate-permission", Topic::kPvalidate, instruction_says<2>),
    answers("pvalidate-size", Topic::kPvalidate, instruction_says<6>),
    answers("pvalidate-unknown", Topic::kPvalidate, instruction_says<0x1234>),

    answers("rmpadjust-input", Topic::kRmpAdjust, instruction_says<1>),
    answers("rmpadjust-permission", Topic::kRmpAdjust, instruction_says<2>),
    answers("rmpadjust-size", Topic::kRmpAdjust, instruction_says<6>),

    answers("cpu-refused", Topic::kApCreation, page_says<0, 1>),
    answers("cpu-malformed", Topic::kApCreation, page_says<2, 5>),
    answers("cpu-inject-gp", Topic::kApCreation, page_says<1, event(kException, 13)>),
    answers("cpu-exchanged", Topic::kApCreation, exchanged),

    answers("message-text", Topic::kGuestRequest, message_with_another_bit<kTextOffset>),
    answers("message-tag", Topic::kGuestRequest, message_with_another_bit<0>),
    answers("message-number", Topic::kGuestRequest, message_with_another_bit<kNumberOffset>),
    answers("message-type", Topic::kGuestRequest, message_with_another_bit<offsetof(Header, type)>),
    answers("message-key", Topic::kGuestRequest, message_with_another_bit<offsetof(Header, key)>),
    answers("message-algorithm", Topic::kGuestRequest, message_with_another_bit<offsetof(Header, algorithm)>),
    answers("message-header-version", Topic::kGuestRequest,
            message_with_another_bit<offsetof(Header, header_version)>),
    answers("message-header-size", Topic::kGuestRequest,
            message_with_another_bit<offsetof(Header, header_size)>),
    answers("message-version", Topic::kGuestRequest,
            message_with_another_bit<offsetof(Header, message_version)>),
    answers("message-size", Topic::kGuestRequest, message_with_another_bit<offsetof(Header, size)>),
    answers("message-reserved", Topic::kGuestRequest,
            message_with_another_bit<offsetof(Header, reserved_38)>),
    answers("message-reserved-end", Topic::kGuestRequest, message_with_another_bit<sizeof(Header) - 1>),
    answers("message-text-end", Topic::kGuestRequest, message_with_another_bit<kTextOffset + kTextSize - 1>),
    answers("message-older", Topic::kGuestRequest, older),
    answers("message-dropped", Topic::kGuestRequest, dropped),
    answers("message-certificates", Topic::kGuestRequest, wants_room),
    answers("message-busy", Topic::kGuestRequest, page_says<0, kSaysBusy>),
    answers("message-busy-a-while", Topic::kGuestRequest, busy_for_a_while),
    answers("message-busy-but-delivered", Topic::kGuestRequest, busy_but_delivered),
    answers("message-malformed", Topic::kGuestRequest, page_says<2, 5>),
    answers("message-unknown-result", Topic::kGuestRequest, page_says<3, 0>),
    answers("message-inject-gp", Topic::kGuestRequest, page_says<1, event(kException, 13)>),
    answers("message-none", Topic::kGuestRequest, no_message),
    answers("message-reflected", Topic::kGuestRequest, reflected),
    answers("message-late", Topic::kGuestRequest, late),
    answers("message-replayed", Topic::kGuestRequest, replayed),
    answers("message-error", Topic::kGuestRequest, page_says_after<0, 0x1d>),
    answers("message-unknown-error", Topic::kGuestRequest, page_says_after<0, 0x1'0000>),
    answers("message-host-error", Topic::kGuestRequest, page_says_after<0, 1ull << 32>),

    answers("port-no-value", Topic::kPort, forget<&Ghcb::rax>),
    answers("port-all-ones", Topic::kPort, port_says<~0ull>),
    answers("port-zeros", Topic::kPort, port_says<0>),
    answers("port-inject-gp", Topic::kPort, page_says<1, event(kException, 13)>),
    answers("cpuid-no-eax", Topic::kCpuid, forget<&Ghcb::rax>),
    answers("cpuid-no-ebx", Topic::kCpuid, forget<&Ghcb::rbx>),
    answers("cpuid-no-ecx", Topic::kCpuid, forget<&Ghcb::rcx>),
    answers("cpuid-no-edx", Topic::kCpuid, forget<&Ghcb::rdx>),

    launches("cpuid-page-empty", [](LaunchOptions& o) { o.cpuid = {}; }),
    launches("cpuid-page-full", [](LaunchOptions& o) { o.cpuid.count = abi::kMostCpuidEntries + 1; }),
    launches("cpuid-page-twice", [](LaunchOptions& o) { o.cpuid.entries[1] = o.cpuid.entries[0]; }),
    launches("cpuid-page-c-bit", [](LaunchOptions& o) { encryption(o.cpuid).ebx = 51; }),
    launches("cpuid-page-no-c-bit", [](LaunchOptions& o) { encryption(o.cpuid).ebx = 0; }),
    launches("cpuid-page-no-snp", [](LaunchOptions& o) { encryption(o.cpuid).eax = 1 << 1 | 1 << 3; }),
    launches("cpuid-page-no-encryption",
             [](LaunchOptions& o) {
                 encryption(o.cpuid) = {};
                 o.cpuid.count--;
             }),
    launches("cpuid-page-no-rdrand", [](LaunchOptions& o) { o.cpuid.entries[1].ecx &= ~(1u << 30); }),
    launches("cpuid-page-no-smap", [](LaunchOptions& o) { o.cpuid.entries[2].ebx &= ~(1u << 20); }),

    launches("feature-added", [](LaunchOptions& o) { o.features |= abi::kSevFeatureDebugSwap; }),
    launches("feature-taken", [](LaunchOptions& o) { o.features = 0; }),
    registers("status-none", status_is<0>),
    registers("status-no-es", status_lacks<1 << 1>),
    registers("status-no-snp", status_lacks<1 << 2>),
    registers("status-vtom", feature_is_on<abi::kSevFeatureVirtualTom>),
    registers("status-reflect-vc", feature_is_on<abi::kSevFeatureReflectVc>),
    registers("status-restricted-injection", feature_is_on<abi::kSevFeatureRestrictedInjection>),
    registers("status-alternate-injection", feature_is_on<abi::kSevFeatureAlternateInjection>),
    registers("status-shadow-stack", feature_is_on<abi::kSevFeatureVmplShadowStack>),
    registers("status-vmgexit-parameter", feature_is_on<abi::kSevFeatureVmgexitParameter>),
    registers("status-register-protection", feature_is_on<abi::kSevFeatureRegisterProtection>),
    registers("status-secure-avic", feature_is_on<abi::kSevFeatureSecureAvic>),
    registers("status-secure-tsc", feature_is_on<abi::kSevFeatureSecureTsc>),
    registers("status-unknown", feature_is_on<1ull << 40>),
    registers("status-of-another-cpu", feature_differs<abi::kSevFeatureSecureTsc>),
    registers("tsc-none", frequency_is<0>),
    registers("tsc-slow", frequency_is<99>),
    registers("tsc-fast", frequency_is<(1 << 18) - 1>),
};

}  // namespace

std::span<const Lie> lies() {
    return kLies;
}

host::Result<ToldLie> parse_lie(const std::string& text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = std::string_view{text}.substr(0, colon);
    unsigned before = 0;
    if (colon != std::string::npos) {
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, before);
        if (error != std::errc{} || stop != end)
            return host::fail(fmt::format("--lie {}: what follows the colon is no number", text));
    }
    for (const Lie& lie : lies())
        if (lie.name == name) return ToldLie{&lie, before};
    return host::fail(fmt::format("--lie {}: there is no such lie", text), "the names are in sim/lies.cpp");
}

}  // namespace enclavisor::sim
