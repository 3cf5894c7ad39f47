#include "kernel/enclave/attestation.hpp"

#include "abi/evidence/attest_image.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/enclave/build.hpp"
#include "kernel/kernel.hpp"
#include "kernel/panic.hpp"
#include "kernel/platform/exits.hpp"
#include "kernel/platform/platform.hpp"

extern "C" const char attest_begin[], attest_end[];

namespace enclavisor::kernel {
namespace {

constexpr const char* kNoMemory = "no memory for the attestation enclave; give the VM at least 32 MiB";

// Maps `pages` of the image, copied, and returns how far that went.
const char* map_copies(Enclave& enclave, VirtAddr at, std::uint64_t pages, const char* from,
                       Permissions permissions) {
    for (std::uint64_t i = 0; i < pages; i++, from += abi::kPageSize) {
        const auto frame = enclave.memory.allocate_dirty();
        check(frame && enclave.first_space.tables.insert(at.plus_pages(i),
                                                         Entry::private_data(*frame, permissions)),
              kNoMemory);
        arch::copy_page(direct<void>(*frame), from);
    }
    return from;
}

// A cleared page. Where there is a secure processor.
[[maybe_unused]] void* map_page(Enclave& enclave, std::uint64_t at, Permissions permissions) {
    const auto frame = enclave.memory.allocate_dirty();
    check(frame && enclave.first_space.tables.insert(VirtAddr{at}, Entry::private_data(*frame, permissions)),
          kNoMemory);
    arch::clear_page(direct<void>(*frame));
    return direct<void>(*frame);
}

}  // namespace

void Attestation::start(Kernel& kernel) {
    enclave_ = kernel.enclaves.create(kernel.frames, kernel.tenants[0], 1 << 20);
    check(enclave_ != nullptr, kNoMemory);
    BuildAttributes{.memory_limit = 1 << 20}.apply(*enclave_);
    auto& tables = enclave_->first_space.tables;

    // Text, read-only data and data stand one after another, in whole pages.
    const auto* header = reinterpret_cast<const abi::AttestImage*>(attest_begin);
    VirtAddr at{abi::kAttestBase};
    const char* from =
        map_copies(*enclave_, at, header->text_pages, attest_begin, Permissions::read_execute());
    at = at.plus_pages(header->text_pages);
    from = map_copies(*enclave_, at, header->rodata_pages, from, Permissions::read());
    at = at.plus_pages(header->rodata_pages);
    map_copies(*enclave_, at, header->data_pages, from, Permissions::read_write());
    at = at.plus_pages(header->data_pages);
    // Touched now, so that it never meets a VM without memory later.
    tables.reserve({at, PageCount{header->zero_pages}}, Permissions::read_write(), ~0ull);
    for (std::uint64_t i = 0; i < header->zero_pages; i++) {
        check(tables.resolve(at.plus_pages(i), Access::kWrite) == FaultOutcome::kResolved, kNoMemory);
    }

    check(build_thread(
              kernel, *enclave_, VirtAddr{header->entry}, {VirtAddr{abi::kThreadBlockBase}, PageCount{1}},
              {VirtAddr{abi::kIoAreaBase}, PageCount{2}}, abi::kIoPoolOffset) == abi::ControlStatus::kOk,
          kNoMemory);
    thread_ = enclave_->threads.first();
    thread_->urgent = true;  // hosts wait for it, and its work is bounded
    // It has no host side: what would be its I/O area is not for it to see.
    tables.unmap({VirtAddr{abi::kIoAreaBase}, PageCount{2}}, ~0ull);

    if constexpr (CurrentPlatform::kAcceptsMemory) {
        auto* key = static_cast<abi::PlatformKey*>(map_page(*enclave_, abi::kAttestKey, Permissions::read()));
        *key = exits::take_message_key();
        message_ = map_page(*enclave_, abi::kAttestMessage, Permissions::read_write());
        exits::prepare_messages(kernel.frames);
    }

    // Makes the table whose entries are the window.
    tables.reserve({VirtAddr{abi::kAttestWindow}, PageCount{1}}, Permissions::read(), ~0ull);
    check(!tables.out_of_memory(), kNoMemory);
    window_ = tables.last_table(VirtAddr{abi::kAttestWindow});
    window_[0] = Entry{};

    enclave_->state = abi::EnclaveState::kRunning;
    kernel.scheduler.make_ready(thread_);
}

std::optional<std::uint32_t> Attestation::take_place() {
    if (~places_ == 0) return std::nullopt;
    const auto place = static_cast<std::uint32_t>(__builtin_ctzll(~places_));
    places_ |= 1ull << place;
    return place;
}

void Attestation::submit(Kernel& kernel, const abi::AttestRequest& request) {
    request_ = request;
    busy_ = true;
    pending_ = true;
    if (thread_->waiting == Waiting::kAttest) {
        hand_over();
        kernel.scheduler.wake(thread_, 0);
    }
}

void Attestation::hand_over() {
    __builtin_memcpy(thread_->block->exchange, &request_, sizeof(request_));
    pending_ = false;
    // The window's entries changed behind the enclave's translations.
    PerCpu& cpu = this_cpu();
    if (cpu.address_space == Entry::cr3(enclave_->first_space.tables.root()))
        arch::write_cr3(cpu.address_space);
}

void Attestation::next(Kernel& kernel, Thread* thread) {
    if (pending_) {
        hand_over();
        thread->registers.rax = 0;
        return;
    }
    this_cpu().current = nullptr;
    kernel.scheduler.wait(thread, Waiting::kAttest, 0);
    if (!busy_) return;  // it has just started
    // The pages may be freed from now on; nothing of them stays reachable.
    for (std::uint64_t i = 0; i < request_.pages; i++) window_[i] = Entry{};
    abi::AttestRequest reply;
    __builtin_memcpy(&reply, thread->block->exchange, sizeof(reply));
    busy_ = false;
    kernel.control.answered(kernel, reply);  // may submit the next request
}

bool Attestation::ask_processor() {
    static_assert(sizeof(abi::AttestRequest) <= sizeof(std::uint64_t) * abi::kGuestRequestError);
    if constexpr (CurrentPlatform::kAcceptsMemory)
        thread_->block->exchange[abi::kGuestRequestError] = exits::guest_request(message_);
    return CurrentPlatform::kAcceptsMemory;
}

}  // namespace enclavisor::kernel
