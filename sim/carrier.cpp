#include "sim/carrier.hpp"

#include <fmt/format.h>

#include "base/shared_memory.hpp"
#include "kernel/platform/ghcb.hpp"
#include "sim/tcg_cpuid.hpp"

namespace enclavisor::sim {
namespace {

namespace msr = abi::ghcb_msr;
using abi::GhcbEvent;

// Bits of kRmpRead's and kRmpUpdate's flags.
constexpr std::uint32_t kAssigned = 1, kLarge = 4;
constexpr std::uint64_t kCarry = 1;

Topic topic_of(std::uint64_t asked_msr) {
    switch (asked_msr & msr::kMask) {
        case msr::kInfoRequest:
            return Topic::kInfo;
        case msr::kCpuidRequest:
            return Topic::kCpuidMsr;
        case msr::kRegisterRequest:
            return Topic::kRegister;
        case msr::kPageRequest:
            return Topic::kPageMsr;
        case msr::kFeaturesRequest:
            return Topic::kFeatures;
        case msr::kTerminate:
            return Topic::kTerminateMsr;
        default:
            return Topic::kNone;
    }
}

Topic topic_of(GhcbEvent event) {
    switch (event) {
        case GhcbEvent::kCpuid:
            return Topic::kCpuid;
        case GhcbEvent::kPortIo:
            return Topic::kPort;
        case GhcbEvent::kMsr:
            return Topic::kMsr;
        case GhcbEvent::kMmioRead:
        case GhcbEvent::kMmioWrite:
            return Topic::kMmio;
        case GhcbEvent::kApResetHold:
            return Topic::kApResetHold;
        case GhcbEvent::kPageStateChange:
            return Topic::kPageState;
        case GhcbEvent::kGuestRequest:
            return Topic::kGuestRequest;
        case GhcbEvent::kExtendedGuestRequest:
            return Topic::kExtendedRequest;
        case GhcbEvent::kApCreation:
            return Topic::kApCreation;
        case GhcbEvent::kTerminate:
            return Topic::kTerminate;
    }
    return Topic::kNone;
}

std::uint32_t cpuid_register(std::uint32_t leaf, unsigned number) {
    for (const abi::CpuidEntry& entry : tcg_cpuid()) {
        if (entry.leaf != leaf || entry.subleaf != 0) continue;
        const std::uint32_t registers[] = {entry.eax, entry.ebx, entry.ecx, entry.edx};
        return registers[number];
    }
    return 0;
}

std::string termination(unsigned cpu, std::uint64_t asked_msr) {
    const std::uint64_t set = asked_msr >> 12 & 0xf, code = asked_msr >> 16 & 0xff;
    std::string why = fmt::format("vCPU {} ends the VM: reason set {}, code {}", cpu, set, code);
    if (set != kernel::kTerminationSet) return why;
    // Our kernel's reasons have names; of a panic, it has told on its serial port.
    if (code == 0) return {};
    return why + ": " + kernel::describe(static_cast<kernel::GhcbRefusal>(code));
}

}  // namespace

// --- Pages of requests -----------------------------------------------------

abi::SimRequest* Carrier::request_of(unsigned cpu) {
    const auto page = ram_.shared(abi::kSimRequestPhys + cpu * abi::kPageSize, abi::kPageSize);
    return page ? reinterpret_cast<abi::SimRequest*>(page->data()) : nullptr;
}

host::Result<void> Carrier::prepare(bool carries_devices) {
    for (unsigned cpu = 0; cpu < guest_.vcpus; cpu++) {
        abi::SimRequest* const request = request_of(cpu);
        if (request == nullptr) return host::fail("the VM has too little memory", "give it more --memory");
        request->carries_devices = carries_devices;
        abi::SimProcessor processor = guest_.processor();
        for (const ToldLie& told : lies_)
            if (told.lie->tell_processor != nullptr) told.lie->tell_processor(processor, cpu);
        request->processor = processor;
    }
    return {};
}

std::optional<std::string> Carrier::serve(unsigned cpu) {
    if (cpu >= guest_.vcpus) return fmt::format("there is no vCPU {}", cpu);
    abi::SimRequest& shared = *request_of(cpu);
    if (base::load_shared(shared.turn) != static_cast<std::uint32_t>(abi::SimTurn::kCarrier)) return {};
    Exchange exchange = read(base::copy_from_shared(shared), cpu);
    if (!exchange.end) answer(exchange);
    write(shared, exchange);
    return exchange.end;
}

Exchange Carrier::read(const abi::SimRequest& request, unsigned cpu) {
    Exchange exchange;
    exchange.cpu = cpu;
    exchange.in = exchange.out = request.in;
    exchange.asked_msr = exchange.msr = request.ghcb_msr;
    switch (static_cast<abi::SimInstruction>(request.instruction)) {
        case abi::SimInstruction::kPvalidate:
            exchange.topic = Topic::kPvalidate;
            break;
        case abi::SimInstruction::kRmpAdjust:
            exchange.topic = Topic::kRmpAdjust;
            break;
        case abi::SimInstruction::kVmgexit:
            exchange.topic = topic_of(request.ghcb_msr);
            if ((request.ghcb_msr & msr::kMask) == 0) read_page(exchange);
            break;
        default:
            exchange.end = fmt::format("vCPU {} has an unknown instruction {}", cpu, request.instruction);
    }
    if (!guest_.snp && exchange.topic >= Topic::kPvalidate)
        exchange.end = "an SEV-ES guest has an instruction of SEV-SNP";
    return exchange;
}

void Carrier::read_page(Exchange& exchange) {
    const auto place = shared_page(exchange.asked_msr);
    if (!place) {
        exchange.end =
            fmt::format("vCPU {}'s GHCB at {:#x} is no shared page", exchange.cpu, exchange.asked_msr);
        return;
    }
    abi::Ghcb page;
    base::copy_from_shared(reinterpret_cast<std::byte*>(&page), *place);
    exchange.event = static_cast<GhcbEvent>(page.exit_code);
    exchange.info_1 = page.exit_info_1;
    exchange.info_2 = page.exit_info_2;
    exchange.topic = topic_of(exchange.event);
    exchange.page = page;
}

void Carrier::write(abi::SimRequest& request, const Exchange& exchange) {
    if (exchange.held) return;
    if (exchange.page) {
        const auto place = shared_page(exchange.asked_msr);
        if (place) std::memcpy(place->data(), &*exchange.page, sizeof(*exchange.page));
    }
    request.out = exchange.out;
    request.ghcb_msr = exchange.msr;
    request.raise = exchange.end ? abi::kSimMachineEnds : exchange.raise;
    base::store_shared(request.turn, static_cast<std::uint32_t>(abi::SimTurn::kGuest));
}

// --- Answers ---------------------------------------------------------------

void Carrier::answer(Exchange& exchange) {
    for (ToldLie& told : lies_) {
        if (told.lie->tell == nullptr || told.lie->topic != exchange.topic) continue;
        if (told.honest_before == 0) {
            told.lie->tell(exchange, *this, [&] { answer_honestly(exchange); });
            return;
        }
        told.honest_before--;
    }
    answer_honestly(exchange);
}

void Carrier::answer_honestly(Exchange& exchange) {
    if (exchange.topic == Topic::kPvalidate) return pvalidate(exchange);
    if (exchange.topic == Topic::kRmpAdjust) return adjust(exchange);
    if (exchange.page) return by_page(exchange);
    by_msr(exchange);
}

void Carrier::by_msr(Exchange& exchange) {
    const std::uint64_t asked = exchange.asked_msr;
    const std::uint64_t address = asked & 0x000f'ffff'ffff'f000;
    switch (exchange.topic) {
        case Topic::kInfo:
            exchange.msr = std::uint64_t{abi::kGhcbVersion} << 48 | 1ull << 32 |
                           std::uint64_t{abi::kSimulatedCBit} << 24 | msr::kInfo;
            return;
        case Topic::kCpuidMsr: {
            const auto leaf = static_cast<std::uint32_t>(asked >> 32);
            exchange.msr = std::uint64_t{cpuid_register(leaf, asked >> 30 & 3)} << 32 | msr::kCpuidAnswer;
            return;
        }
        case Topic::kRegister:
            if (guest_.snp && shared_page(address)) registered_[exchange.cpu] = address;
            exchange.msr =
                (registered_[exchange.cpu] == address ? address : ~msr::kMask) | msr::kRegisterAnswer;
            return;
        case Topic::kPageMsr: {
            const auto operation = static_cast<std::uint16_t>(asked >> 52 & 0xf);
            const bool done = guest_.snp && change_state(address, operation, false);
            exchange.msr = std::uint64_t{!done} << 32 | msr::kPageAnswer;
            return;
        }
        case Topic::kFeatures: {
            const std::uint64_t features = guest_.snp ? abi::kFeatureSnp | abi::kFeatureApCreation : 0;
            exchange.msr = features << 12 | msr::kFeaturesAnswer;
            return;
        }
        case Topic::kTerminateMsr:
            exchange.end = termination(exchange.cpu, asked);
            return;
        default:
            exchange.end =
                fmt::format("vCPU {}'s GHCB MSR asks for nothing that is known: {:#x}", exchange.cpu, asked);
    }
}

// --- Instructions ----------------------------------------------------------

GuestReply Carrier::instruction(Command command, const Exchange& exchange) {
    const abi::SimRegisters& in = exchange.in;
    const GuestPlace place{
        guest_.number, 0, in.rax, guest_.system_address(in.rax), rmp(in.rax).flags & kLarge ? 1u : 0u, 0};
    const auto flag = [](std::uint64_t bits) { return static_cast<std::uint32_t>(bits & 1); };
    const auto byte = [](std::uint64_t bits) { return static_cast<std::uint32_t>(bits & 0xff); };
    Result<GuestReply> reply =
        command == Command::kPvalidate
            ? processor_.tell<GuestReply>(command, PvalidateRequest{place, flag(in.rcx), flag(in.rdx)})
            : processor_.tell<GuestReply>(command, RmpAdjustRequest{place, flag(in.rcx), byte(in.rdx),
                                                                    byte(in.rdx >> 8), flag(in.rdx >> 16)});
    if (!reply) throw std::runtime_error("the model of the secure processor refuses an instruction");
    // A small page of a large entry: the hypervisor splits it, and the instruction is executed again.
    if (reply->end == GuestEnd::kNestedPageFault && (reply->fault & kFaultSize) != 0 &&
        host_command(Command::kSmash, in.rax / kLargePage * kLargePage) == HostOutcome::kDone)
        return instruction(command, exchange);
    return *reply;
}

namespace {

void finish(Exchange& exchange, const GuestReply& reply, const char* name) {
    constexpr std::uint64_t kGeneralProtection = 13, kCommunication = 29;
    exchange.out.rax = static_cast<std::uint64_t>(reply.code);
    exchange.out.rflags = (exchange.in.rflags & ~kCarry) | (reply.unchanged != 0 ? kCarry : 0);
    switch (reply.end) {
        case GuestEnd::kDone:
            break;
        case GuestEnd::kNestedPageFault:
            exchange.end = fmt::format("{} of vCPU {} at {:#x} meets a page that is not the guest's", name,
                                       exchange.cpu, exchange.in.rax);
            break;
        case GuestEnd::kVmmCommunication:
            exchange.raise = kCommunication;
            break;
        case GuestEnd::kGeneralProtection:
            exchange.raise = kGeneralProtection;
            break;
    }
}

}  // namespace

void Carrier::pvalidate(Exchange& exchange) {
    finish(exchange, instruction(Command::kPvalidate, exchange), "PVALIDATE");
}

void Carrier::adjust(Exchange& exchange) {
    finish(exchange, instruction(Command::kRmpAdjust, exchange), "RMPADJUST");
}

// --- The reverse map table -------------------------------------------------

RmpReadReply Carrier::rmp(std::uint64_t address) {
    auto entry = processor_.tell<RmpReadReply>(Command::kRmpRead, SystemPage{guest_.system_address(address)});
    return entry ? *entry : RmpReadReply{};
}

HostOutcome Carrier::host_command(Command command, std::uint64_t address) {
    auto reply = processor_.tell<HostReply>(command, SystemPage{guest_.system_address(address)});
    return reply ? reply->outcome : HostOutcome::kFailInput;
}

bool Carrier::change_state(std::uint64_t address, std::uint16_t operation, bool large) {
    constexpr std::uint16_t kPrivate = 1, kShared = 2;
    const std::uint64_t size = large ? kLargePage : kPage;
    if (address % size != 0 || (operation != kPrivate && operation != kShared) || !ram_.shared(address, size))
        return false;
    const RmpReadReply now = rmp(address);
    const bool is_private = (now.flags & kAssigned) != 0;
    if (is_private == (operation == kPrivate) && (!large || (now.flags & kLarge) != 0)) return true;
    const auto change = [&] {
        auto reply = processor_.tell<HostReply>(
            Command::kPageStateChange,
            PageStateRequest{guest_.system_address(address), address, guest_.number, operation, large});
        return reply ? reply->outcome : HostOutcome::kFailInput;
    };
    HostOutcome outcome = change();
    if (outcome != HostOutcome::kFailOverlap) return outcome == HostOutcome::kDone;
    if (!large) {
        host_command(Command::kSmash, address / kLargePage * kLargePage);
        return change() == HostOutcome::kDone;
    }
    // Some of its pages are small ones.
    for (std::uint64_t at = address; at < address + kLargePage; at += kPage)
        if (!change_state(at, operation, false)) return false;
    return true;
}

void Carrier::reassign(std::uint64_t address) {
    const RmpReadReply now = rmp(address);
    const bool large = (now.flags & kLarge) != 0;
    const std::uint64_t at = large ? address / kLargePage * kLargePage : address;
    processor_.ask(Command::kRmpUpdate, RmpUpdateRequest{guest_.system_address(at), at, guest_.number,
                                                         kAssigned | (large ? kLarge : 0)});
}

std::optional<std::span<std::byte>> Carrier::shared_page(std::uint64_t address) {
    if (address % kPage != 0) return std::nullopt;
    const auto page = ram_.shared(address, kPage);
    if (page && guest_.snp && (rmp(address).flags & kAssigned) != 0) return std::nullopt;
    return page;
}

}  // namespace enclavisor::sim
