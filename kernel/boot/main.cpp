// From the first C++ instruction to the idle loop.
#include <cstddef>
#include <new>

#include "kernel/arch/apic.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/cpus.hpp"
#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/arch/random.hpp"
#include "kernel/boot/memory_map.hpp"
#include "kernel/boundary/doorbell.hpp"
#include "kernel/kernel.hpp"
#include "kernel/log.hpp"
#include "kernel/panic.hpp"
#include "kernel/platform/exits.hpp"
#include "kernel/platform/platform.hpp"

extern "C" char boot_stack_end[];

namespace enclavisor::kernel {
namespace {

alignas(64) PerCpu boot_cpu;
alignas(16) char exception_stacks[kExceptionStacks][kExceptionStackSize];
bool link_mapped = false;

// The lock and what it owns.
struct {
    std::uint32_t locked;
    alignas(Kernel) char bytes[sizeof(Kernel)];
} state;

Kernel& kernel_object() {
    return *std::launder(reinterpret_cast<Kernel*>(state.bytes));
}

void check_link(Kernel& kernel) {
    const abi::LinkHeader header = kernel.link.header().read();
    check(header.magic == abi::kLinkMagic,
          "the shared memory is no Enclavisor link; start the VM with the enclavisor command");
    if (header.version != abi::kLinkVersion) {
        kernel.link.set_guest_state(abi::GuestState::kRefused);
        panic("the launcher speaks another version of the link; use kernel and launcher of one release");
    }
}

void announce(Kernel& kernel) {
    const auto header = kernel.link.header();
    header.member<std::uint32_t>(offsetof(abi::LinkHeader, platform))
        .write(static_cast<std::uint32_t>(CurrentPlatform::kKind));
    header.member<std::uint64_t>(offsetof(abi::LinkHeader, boot_tsc)).write(arch::read_tsc());
    kernel.link.set_guest_waits(true);
    publish_fence();
    kernel.link.set_guest_state(abi::GuestState::kReady);
    ring_doorbell();
}

}  // namespace

Kernel& lock_kernel() {
    while (__atomic_exchange_n(&state.locked, 1u, __ATOMIC_ACQUIRE) != 0) {
        PerCpu& cpu = this_cpu();
        while (__atomic_load_n(&state.locked, __ATOMIC_RELAXED) != 0) {
            serve_requests(cpu);
            arch::pause();
        }
    }
    return kernel_object();
}

void unlock_kernel(Kernel&) {
    __atomic_store_n(&state.locked, 0u, __ATOMIC_RELEASE);
}

void panic(const char* reason) {
    // What it says may need what broke.
    static bool panicking = false;
    if (__atomic_exchange_n(&panicking, true, __ATOMIC_RELAXED)) arch::stop_forever();
    log_line("panic: ", reason);
    if (link_mapped) {
        kernel_object().link.set_guest_state(abi::GuestState::kPanicked);
        ring_doorbell();
    }
    // Other vCPUs may compute on, but go no further than their next entry. Whoever has the lock gives it
    // up soon, unless it is this one.
    for (int patience = 100'000; Cpus::count() > 1 && patience > 0; patience--) {
        if (__atomic_exchange_n(&state.locked, 1u, __ATOMIC_ACQUIRE) == 0) break;
        arch::pause();
    }
    if constexpr (CurrentPlatform::kHasExits) exits::terminate(GhcbRefusal::kNone);
    arch::stop_forever();
}

extern "C" [[noreturn]] void kernel_main(unsigned c_bit) {
    Entry::set_private_mask(c_bit == 0 ? 0 : 1ull << c_bit);
    boot_cpu.stack_top = reinterpret_cast<std::uint64_t>(boot_stack_end);
    boot_cpu.exception_stacks = reinterpret_cast<std::uint64_t>(exception_stacks);
    enter_cpu(boot_cpu);
    if constexpr (CurrentPlatform::kHasExits) exits::begin(boot_cpu, c_bit);
    initialise_cpu();
    Cpus::add_boot_cpu(boot_cpu);
    check(xsave_size() <= Thread::kXsaveMax, "this CPU's XSAVE area is larger than a thread has room for");

    new (state.bytes) Kernel{};
    Kernel& kernel = lock_kernel();
    const MemoryMap map = read_memory_map();
    initialise_frames(kernel.frames, map);
    const std::uint64_t link_size = find_link();
    kernel.link.initialise(link_size);
    create_kernel_map(kernel.frames, map.top(), link_size);
    boot_cpu.address_space = kernel_cr3();
    if constexpr (CurrentPlatform::kHasExits) {
        exits::use_kernel_map(boot_cpu);
        kernel.secure_tsc_khz = exits::tsc_khz();
    }
    link_mapped = true;
    check_link(kernel);
    check(random_source_is_healthy(), "the processor's random numbers fail their health check");

    Apic::initialise();
    Cpus::start_others(kernel.frames, map.cpus);
    enable_doorbell();
    kernel.attestation.start(kernel);
    check(kernel.objects.prepare(kernel.frames),
          "the VM has too little memory for the kernel; give it at least 32 MiB");
    announce(kernel);
    leave(kernel);
}

void start_on_cpu(PerCpu&) {
    leave(lock_kernel());
}

}  // namespace enclavisor::kernel
