#include "kernel/platform/ghcb.hpp"

namespace enclavisor::kernel {
namespace {

namespace msr = abi::ghcb_msr;
using R = GhcbRefusal;

// SW_EXITINFO1, bits 31:0 (56421, 2.6 and 4).
constexpr std::uint32_t kDone = 0, kInject = 1, kMalformed = 2;
// SW_EXITINFO2 of kInject: valid, type 3 (exception), vector.
constexpr std::uint64_t kInjected = 1ull << 31 | 3ull << 8;
constexpr std::uint64_t kInvalidOpcode = 6, kGeneralProtection = 13;

// Rounds in which a page-state change that is allowed to stop early changes nothing.
constexpr int kMostIdleRounds = 64;

}  // namespace

const char* describe(GhcbRefusal refusal) {
    switch (refusal) {
        case R::kNone:
            return "nothing is wrong";
        case R::kWrongAnswer:
            return "the hypervisor answered another question (GHCB MSR)";
        case R::kVersion:
            return "the hypervisor speaks no version of the GHCB protocol that this VM needs";
        case R::kCBit:
            return "the hypervisor names another C-bit than the processor";
        case R::kRegistration:
            return "the hypervisor registered another GHCB page";
        case R::kFeatures:
            return "the hypervisor lacks features that SEV-SNP guests need";
        case R::kMissingOutput:
            return "the hypervisor left out a register of its answer";
        case R::kUnknownResult:
            return "the hypervisor's answer has an unknown result";
        case R::kCalledMalformed:
            return "the hypervisor calls a right request malformed";
        case R::kInjection:
            return "the hypervisor wants an event injected that no request causes";
        case R::kException:
            return "the hypervisor answered a right request with an exception";
        case R::kPageStateRefused:
            return "the hypervisor refused to change a page's state";
        case R::kPageStateRange:
            return "the hypervisor reports a page-state change outside the list";
        case R::kPageStateStuck:
            return "the hypervisor's page-state change does not get on";
        case R::kValidatedTwice:
            return "a page would be validated twice";
        case R::kNotChanged:
            return "a page was validated before: the hypervisor exchanged it";
        case R::kPvalidate:
            return "PVALIDATE failed";
        case R::kTooManyRanges:
            return "memory is accepted in too many pieces";
        case R::kCpuNotStarted:
            return "the hypervisor refused to start a CPU";
        case R::kUnprotected:
            return "the processor does not protect this VM as its kernel was built for (SEV_STATUS)";
        case R::kCpuidPage:
            return "the CPUID page is malformed";
        case R::kSecretsPage:
            return "the secrets page is none, or of a version that is not known";
        case R::kVirtualTom:
            return "the VM was launched with virtual top of memory, which this kernel does not implement";
        case R::kReflectVc:
            return "the VM was launched with #VC reflected, which this kernel does not implement";
        case R::kRestrictedInjection:
            return "the VM was launched with restricted injection, which this kernel does not implement";
        case R::kAlternateInjection:
            return "the VM was launched with alternate injection, which this kernel does not implement";
        case R::kUnknownFeature:
            return "the VM was launched with a feature that this kernel does not know (SEV_STATUS)";
        case R::kOtherFeatures:
            return "a CPU was launched with other features than the first (SEV_STATUS)";
        case R::kTscFrequency:
            return "the secure time-stamp counter has a frequency that cannot be";
    }
    return "unknown";
}

// --- The MSR ---------------------------------------------------------------

std::uint64_t GhcbChannel::ask(std::uint64_t request) {
    instructions_.write_msr(request);
    instructions_.exit();
    return instructions_.read_msr();
}

GhcbRefusal GhcbChannel::negotiate(unsigned c_bit, std::uint16_t lowest) {
    const std::uint64_t answer = ask(msr::kInfoRequest);
    if ((answer & msr::kMask) != msr::kInfo) return R::kWrongAnswer;
    const std::uint64_t newest = answer >> 48, oldest = answer >> 32 & 0xffff;
    if (newest < lowest || oldest > abi::kGhcbVersion) return R::kVersion;
    version_ = newest < abi::kGhcbVersion ? static_cast<std::uint16_t>(newest) : abi::kGhcbVersion;
    return (answer >> 24 & 0xff) == c_bit ? R::kNone : R::kCBit;
}

GhcbRefusal GhcbChannel::require(std::uint64_t features) {
    const std::uint64_t answer = ask(msr::kFeaturesRequest);
    if ((answer & msr::kMask) != msr::kFeaturesAnswer) return R::kWrongAnswer;
    return (answer >> 12 & features) == features ? R::kNone : R::kFeatures;
}

GhcbRefusal GhcbChannel::register_page() {
    const std::uint64_t answer = ask(address_.value | msr::kRegisterRequest);
    if ((answer & msr::kMask) != msr::kRegisterAnswer) return R::kWrongAnswer;
    return (answer & ~msr::kMask) == address_.value ? R::kNone : R::kRegistration;
}

GhcbRefusal GhcbChannel::cpuid_early(std::uint32_t leaf, CpuidValues& values) {
    std::uint32_t found[4];
    for (std::uint64_t i = 0; i < 4; i++) {
        const std::uint64_t answer = ask(std::uint64_t{leaf} << 32 | i << 30 | msr::kCpuidRequest);
        if ((answer & 0xffff'ffff) != msr::kCpuidAnswer) return R::kWrongAnswer;
        found[i] = static_cast<std::uint32_t>(answer >> 32);
    }
    values = {found[0], found[1], found[2], found[3]};
    return R::kNone;
}

GhcbRefusal GhcbChannel::share_early(PhysAddr page) {
    const std::uint64_t answer = ask(abi::kPageShared | page.value | msr::kPageRequest);
    if ((answer & 0xffff'ffff) != msr::kPageAnswer) return R::kWrongAnswer;
    return answer >> 32 == 0 ? R::kNone : R::kPageStateRefused;
}

void GhcbChannel::terminate(GhcbRefusal reason) {
    ask(msr::kTerminate | kTerminationSet << 12 | std::uint64_t{static_cast<std::uint8_t>(reason)} << 16);
}

// --- The page --------------------------------------------------------------

GhcbRefusal GhcbChannel::call(const Inputs& inputs, unsigned wanted, Outputs& outputs) {
    using abi::Ghcb;
    std::uint64_t valid[2]{};
    const auto put = [&](std::size_t offset, std::uint64_t value) {
        word(offset).write(value);
        valid[offset / 512] |= 1ull << offset / 8 % 64;
    };
    put(offsetof(Ghcb, exit_code), static_cast<std::uint64_t>(inputs.event));
    put(offsetof(Ghcb, exit_info_1), inputs.info_1);
    put(offsetof(Ghcb, exit_info_2), inputs.info_2);
    if (inputs.has_rax) put(offsetof(Ghcb, rax), inputs.rax);
    if (inputs.has_rcx) put(offsetof(Ghcb, rcx), inputs.rcx);
    if (inputs.has_rdx) put(offsetof(Ghcb, rdx), inputs.rdx);
    if (inputs.has_xcr0) put(offsetof(Ghcb, xcr0), inputs.xcr0);
    if (inputs.has_scratch) put(offsetof(Ghcb, scratch), buffer().value);
    for (std::size_t i = 0; i < 2; i++) word(offsetof(Ghcb, valid_bitmap) + 8 * i).write(valid[i]);
    // Version and usage, with the two reserved bytes before them.
    word(offsetof(Ghcb, usage) - 4).write(std::uint64_t{version_} << 16);

    instructions_.write_msr(address_.value);
    instructions_.exit();

    for (std::size_t i = 0; i < 2; i++) valid[i] = word(offsetof(Ghcb, valid_bitmap) + 8 * i).read();
    const std::uint64_t result = word(offsetof(Ghcb, exit_info_1)).read();
    outputs.info_2 = word(offsetof(Ghcb, exit_info_2)).read();
    switch (static_cast<std::uint32_t>(result)) {
        case kDone:
            break;
        case kInject: {
            const std::uint64_t vector = outputs.info_2 & 0xff;
            const bool possible = (outputs.info_2 & 0x8000'0700) == kInjected &&
                                  (vector == kInvalidOpcode || vector == kGeneralProtection);
            return possible ? R::kException : R::kInjection;
        }
        case kMalformed:
            return R::kCalledMalformed;
        default:
            return R::kUnknownResult;
    }
    const struct {
        unsigned flag;
        std::size_t offset;
        std::uint64_t& to;
    } registers[] = {{kRax, offsetof(Ghcb, rax), outputs.rax},
                     {kRbx, offsetof(Ghcb, rbx), outputs.rbx},
                     {kRcx, offsetof(Ghcb, rcx), outputs.rcx},
                     {kRdx, offsetof(Ghcb, rdx), outputs.rdx}};
    for (const auto& r : registers) {
        if (!(wanted & r.flag)) continue;
        if (!(valid[r.offset / 512] >> r.offset / 8 % 64 & 1)) return R::kMissingOutput;
        r.to = word(r.offset).read();
    }
    return R::kNone;
}

GhcbRefusal GhcbChannel::cpuid(std::uint32_t leaf, std::uint32_t subleaf, std::uint64_t xcr0,
                               CpuidValues& values) {
    constexpr std::uint32_t kExtendedState = 0xd;
    Outputs out;
    const R refusal = call({.event = abi::GhcbEvent::kCpuid,
                            .has_rax = true,
                            .has_rcx = true,
                            .has_xcr0 = leaf == kExtendedState,
                            .rax = leaf,
                            .rcx = subleaf,
                            .xcr0 = xcr0},
                           kRax | kRbx | kRcx | kRdx, out);
    if (refusal != R::kNone) return refusal;
    values = {static_cast<std::uint32_t>(out.rax), static_cast<std::uint32_t>(out.rbx),
              static_cast<std::uint32_t>(out.rcx), static_cast<std::uint32_t>(out.rdx)};
    return R::kNone;
}

namespace {

std::uint64_t port_event(std::uint16_t port, unsigned size, bool in) {
    return std::uint64_t{port} << abi::kPortNumberShift | std::uint64_t{size} << abi::kPortSizeShift |
           abi::kPortAddress64 | (in ? abi::kPortIn : 0);
}

std::uint64_t low_bytes(std::uint64_t value, unsigned size) {
    return value & ((1ull << 8 * size) - 1);
}

}  // namespace

GhcbRefusal GhcbChannel::port_in(std::uint16_t port, unsigned size, std::uint32_t& value) {
    Outputs out;
    const R refusal =
        call({.event = abi::GhcbEvent::kPortIo, .info_1 = port_event(port, size, true), .has_rax = true},
             kRax, out);
    if (refusal == R::kNone) value = static_cast<std::uint32_t>(low_bytes(out.rax, size));
    return refusal;
}

GhcbRefusal GhcbChannel::port_out(std::uint16_t port, unsigned size, std::uint32_t value) {
    Outputs out;
    return call({.event = abi::GhcbEvent::kPortIo,
                 .info_1 = port_event(port, size, false),
                 .has_rax = true,
                 .rax = low_bytes(value, size)},
                0, out);
}

GhcbRefusal GhcbChannel::read_msr(std::uint32_t number, std::uint64_t& value) {
    Outputs out;
    const R refusal = call({.event = abi::GhcbEvent::kMsr, .has_rcx = true, .rcx = number}, kRax | kRdx, out);
    if (refusal == R::kNone) value = low_bytes(out.rdx, 4) << 32 | low_bytes(out.rax, 4);
    return refusal;
}

GhcbRefusal GhcbChannel::write_msr(std::uint32_t number, std::uint64_t value) {
    Outputs out;
    return call({.event = abi::GhcbEvent::kMsr,
                 .info_1 = 1,
                 .has_rax = true,
                 .has_rcx = true,
                 .has_rdx = true,
                 .rax = low_bytes(value, 4),
                 .rcx = number,
                 .rdx = value >> 32},
                0, out);
}

GhcbRefusal GhcbChannel::mmio_read32(PhysAddr at, std::uint32_t& value) {
    Outputs out;
    const auto data = page_.member<std::uint32_t>(offsetof(abi::Ghcb, shared_buffer));
    const R refusal = call({.event = abi::GhcbEvent::kMmioRead,
                            .info_1 = at.value,
                            .info_2 = sizeof(value),
                            .has_scratch = true},
                           0, out);
    if (refusal == R::kNone) value = data.read();
    return refusal;
}

GhcbRefusal GhcbChannel::mmio_write32(PhysAddr at, std::uint32_t value) {
    Outputs out;
    page_.member<std::uint32_t>(offsetof(abi::Ghcb, shared_buffer)).write(value);
    return call({.event = abi::GhcbEvent::kMmioWrite,
                 .info_1 = at.value,
                 .info_2 = sizeof(value),
                 .has_scratch = true},
                0, out);
}

GhcbRefusal GhcbChannel::change_pages(std::span<const std::uint64_t> entries) {
    constexpr std::size_t kHeader = offsetof(abi::Ghcb, shared_buffer);
    const auto header = page_.member<abi::PageStateHeader>(kHeader);
    const auto count = static_cast<std::uint16_t>(entries.size());
    std::uint16_t next = 0;
    // How many pages of its first entry were changed is the hypervisor's to note, in the entry.
    std::uint64_t noted = 0;
    for (int idle = 0; next < count;) {
        const auto last = static_cast<std::uint16_t>(count - 1);
        header.write({.current = next, .last = last, .reserved = 0});
        for (std::uint16_t i = next; i < count; i++) {
            word(kHeader + sizeof(abi::PageStateHeader) + 8u * i).write(entries[i] | (i == next ? noted : 0));
        }
        Outputs out;
        const R refusal = call({.event = abi::GhcbEvent::kPageStateChange, .has_scratch = true}, 0, out);
        if (refusal != R::kNone) return refusal;
        if (out.info_2 != 0) return R::kPageStateRefused;
        const abi::PageStateHeader after = header.read();
        if (after.current < next || after.current > count || after.last != last) return R::kPageStateRange;
        std::uint64_t now_noted = 0;
        if (after.current < count) {
            now_noted = word(kHeader + sizeof(abi::PageStateHeader) + 8u * after.current).read() & 0xfff;
            const std::uint64_t pages = entries[after.current] & abi::kPageLarge ? 512 : 1;
            if (now_noted >= pages) return R::kPageStateRange;
        }
        if (after.current == next && now_noted < noted) return R::kPageStateRange;
        const bool got_on = after.current > next || now_noted > noted;
        if (!got_on && ++idle == kMostIdleRounds) return R::kPageStateStuck;
        if (got_on) idle = 0;
        next = after.current;
        noted = now_noted;
    }
    return R::kNone;
}

GhcbRefusal GhcbChannel::guest_request(PhysAddr request, PhysAddr response, std::uint64_t& error) {
    Outputs out;
    const R refusal = call(
        {.event = abi::GhcbEvent::kGuestRequest, .info_1 = request.value, .info_2 = response.value}, 0, out);
    if (refusal == R::kNone) error = out.info_2;
    return refusal;
}

GhcbRefusal GhcbChannel::create_cpu(std::uint32_t apic_id, PhysAddr vmsa, std::uint64_t features) {
    constexpr std::uint64_t kNow = 1;
    Outputs out;
    const R refusal = call({.event = abi::GhcbEvent::kApCreation,
                            .info_1 = std::uint64_t{apic_id} << 32 | kNow,
                            .info_2 = vmsa.value,
                            .has_rax = true,
                            .rax = features},
                           0, out);
    if (refusal != R::kNone) return refusal;
    return out.info_2 == 0 ? R::kNone : R::kCpuNotStarted;
}

}  // namespace enclavisor::kernel
