// What a guest asks for by its GHCB page (AMD 56421, section 4).
#include <fmt/format.h>

#include "abi/platform/vmsa.hpp"
#include "base/shared_memory.hpp"
#include "sim/carrier.hpp"
#include "sim/tcg_cpuid.hpp"
#include "sim/vcpu_start.hpp"

namespace enclavisor::sim {
namespace {

using abi::Ghcb;

constexpr std::uint32_t kAssigned = 1, kValidated = 8, kVmsa = 16;

// SW_EXITINFO1 and SW_EXITINFO2 of what is malformed.
constexpr std::uint64_t kMalformed = 2;
enum : std::uint64_t { kNotRegistered = 1, kUsage = 2, kScratch = 3, kMissing = 4, kInput = 5, kEvent = 6 };
// SW_EXITINFO2 of page-state changes.
constexpr std::uint64_t kBadHeader = 1ull << 32 | 1, kBadEntry = 1ull << 32 | 2;

constexpr std::size_t kRax = offsetof(Ghcb, rax), kRbx = offsetof(Ghcb, rbx), kRcx = offsetof(Ghcb, rcx),
                      kRdx = offsetof(Ghcb, rdx);

Block<kMessagePage> read_message(std::span<std::byte> page) {
    Block<kMessagePage> message;
    base::copy_from_shared(reinterpret_cast<std::byte*>(message.data()), page);
    return message;
}

void cpuid(Exchange& exchange) {
    const auto leaf = static_cast<std::uint32_t>(exchange.page->rax);
    const auto subleaf = static_cast<std::uint32_t>(exchange.page->rcx);
    abi::CpuidEntry found{};
    for (const abi::CpuidEntry& entry : tcg_cpuid())
        if (entry.leaf == leaf && entry.subleaf == subleaf) found = entry;
    exchange.output(&Ghcb::rax, kRax, found.eax);
    exchange.output(&Ghcb::rbx, kRbx, found.ebx);
    exchange.output(&Ghcb::rcx, kRcx, found.ecx);
    exchange.output(&Ghcb::rdx, kRdx, found.edx);
}

}  // namespace

void Carrier::by_page(Exchange& exchange) {
    Ghcb& page = *exchange.page;
    if (guest_.snp && registered_[exchange.cpu] != exchange.asked_msr)
        return exchange.result(kMalformed, kNotRegistered);
    if (page.usage != 0 || page.version == 0 || page.version > abi::kGhcbVersion)
        return exchange.result(kMalformed, kUsage);
    for (const std::size_t needed :
         {offsetof(Ghcb, exit_code), offsetof(Ghcb, exit_info_1), offsetof(Ghcb, exit_info_2)})
        if (!exchange.valid(needed)) return exchange.result(kMalformed, kMissing);
    page.valid_bitmap[0] = page.valid_bitmap[1] = 0;
    exchange.result(0, 0);
    switch (exchange.topic) {
        case Topic::kCpuid:
            return cpuid(exchange);
        case Topic::kPort:
            return port(exchange);
        case Topic::kMsr:
            if (exchange.info_1 != 0) return;
            exchange.output(&Ghcb::rax, kRax, 0);
            return exchange.output(&Ghcb::rdx, kRdx, 0);
        case Topic::kMmio:
            if (exchange.event == abi::GhcbEvent::kMmioRead) std::memset(page.shared_buffer, 0, 8);
            return;
        case Topic::kApResetHold:
            // INIT and SIPI of the machine take the vCPU out of its handler.
            exchange.held = true;
            return;
        case Topic::kPageState:
            return change_pages(exchange);
        case Topic::kGuestRequest:
            return guest_request(exchange);
        case Topic::kExtendedRequest:
            return extended_request(exchange);
        case Topic::kApCreation:
            return create_cpu(exchange);
        case Topic::kTerminate:
            exchange.end = fmt::format("vCPU {} ends the VM", exchange.cpu);
            return;
        default:
            return exchange.result(kMalformed, kEvent);
    }
}

void Carrier::port(Exchange& exchange) {
    const auto number = static_cast<std::uint16_t>(exchange.info_1 >> abi::kPortNumberShift);
    if ((exchange.info_1 & abi::kPortIn) != 0)
        return exchange.output(&Ghcb::rax, kRax, devices_.read(number));
    const std::string line = devices_.write(number, static_cast<std::uint32_t>(exchange.page->rax));
    if (!line.empty()) fmt::print(stderr, "{}\n", line);
}

void Carrier::change_pages(Exchange& exchange) {
    if (!guest_.snp) return exchange.result(kMalformed, kEvent);
    Ghcb& page = *exchange.page;
    if (page.scratch != exchange.asked_msr + offsetof(Ghcb, shared_buffer))
        return exchange.result(kMalformed, kScratch);
    abi::PageStateHeader header;
    std::memcpy(&header, page.shared_buffer, sizeof(header));
    if (header.last >= abi::kMostPageStates || header.current > header.last)
        return exchange.result(0, kBadHeader);
    for (; header.current <= header.last; header.current++) {
        std::uint64_t entry;
        std::memcpy(&entry, page.shared_buffer + sizeof(header) + 8u * header.current, sizeof(entry));
        const auto operation = static_cast<std::uint16_t>(entry >> 52 & 0xf);
        const bool large = (entry & abi::kPageLarge) != 0;
        if (!change_state(entry & 0x000f'ffff'ffff'f000, operation, large)) {
            exchange.result(0, kBadEntry);
            break;
        }
    }
    std::memcpy(page.shared_buffer, &header, sizeof(header));
}

void Carrier::guest_request(Exchange& exchange) {
    const auto request = shared_page(exchange.info_1), response = shared_page(exchange.info_2);
    if (!guest_.snp || !request || !response) return exchange.result(kMalformed, kInput);
    const Reply reply = processor_.ask(Command::kSnpGuestRequest,
                                       GuestMessageRequest{guest_.number, 0, read_message(*request)});
    exchange.result(0, static_cast<std::uint64_t>(reply.status));
    if (reply.status == Status::kSuccess && reply.payload.size() == kPage)
        std::memcpy(response->data(), reply.payload.data(), kPage);
}

void Carrier::extended_request(Exchange& exchange) {
    const auto request = shared_page(exchange.info_1), response = shared_page(exchange.info_2);
    const std::uint64_t room = exchange.page->rbx, data = exchange.page->rax;
    if (!guest_.snp || !request || !response || room > 0xffff) return exchange.result(kMalformed, kInput);
    for (std::uint64_t i = 0; i < room; i++)
        if (!shared_page(data + i * kPage)) return exchange.result(kMalformed, kInput);
    const Reply reply = processor_.ask(
        Command::kExtendedRequest,
        ExtendedRequest{guest_.number, static_cast<std::uint32_t>(room), read_message(*request)});
    BytesView rest{reply.payload};
    const auto head = take_front<ExtendedReply>(rest);
    if (reply.status != Status::kSuccess || !head)
        return exchange.result(0, static_cast<std::uint64_t>(reply.status));
    exchange.output(&Ghcb::rbx, kRbx, head->pages);
    exchange.result(0,
                    std::uint64_t{head->host_error} << 32 | static_cast<std::uint64_t>(head->firmware_error));
    if (head->host_error != 0 || rest.size() != (head->pages + 1) * kPage) return;
    for (std::uint64_t i = 0; i < head->pages; i++)
        std::memcpy(shared_page(data + i * kPage)->data(), rest.data() + i * kPage, kPage);
    if (head->firmware_error == Status::kSuccess)
        std::memcpy(response->data(), rest.data() + head->pages * kPage, kPage);
}

// The handler starts the vCPU, with what the processor would load. What is checked is what KVM checks, and
// then the processor.
void Carrier::create_cpu(Exchange& exchange) {
    constexpr std::uint64_t kDestroy = 2;  // 0: when an INIT comes; 1: now
    const std::uint64_t request = exchange.info_1 & 0xffff, level = exchange.info_1 >> 16 & 0xf;
    const std::uint64_t apic_id = exchange.info_1 >> 32;
    if (!guest_.snp || apic_id >= guest_.vcpus || level != 0 || request > kDestroy)
        return exchange.result(kMalformed, kInput);
    if (request == kDestroy) return;
    const std::uint32_t flags = rmp(exchange.info_2).flags, needed = kAssigned | kValidated | kVmsa;
    const bool features = exchange.page->rax == guest_.features;
    if (exchange.info_2 % kPage != 0 || exchange.info_2 % kLargePage == 0 || (flags & needed) != needed ||
        !features)
        return exchange.result(kMalformed, kInput);
    abi::Vmsa vmsa;
    const auto page = ram_.private_at(exchange.info_2, kPage);
    if (!page) return exchange.result(kMalformed, kInput);
    std::memcpy(&vmsa, page->data(), kPage);
    const char* const fault = vmsa.sev_features != exchange.page->rax
                                  ? "its features are not those that were asked for"
                                  : vmsa_fault(vmsa);
    if (fault != nullptr) {
        exchange.end = fmt::format("vCPU {} does not run: {}", apic_id, fault);
        return;
    }
    const abi::SimStart start = start_of(vmsa);
    std::memcpy(&request_of(static_cast<unsigned>(apic_id))->start, &start, sizeof(start));
}

}  // namespace enclavisor::sim
