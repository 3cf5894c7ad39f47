#include "kernel/arch/cpus.hpp"

#include <new>

#include "kernel/arch/apic.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/log.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/platform/exits.hpp"
#include "kernel/platform/platform.hpp"

extern "C" {
// What a vCPU finds when it reaches the kernel's text (entry.S).
struct {
    std::uint64_t cr3, stack_top, cpu;
} ap_start;
[[noreturn]] void ap_main(enclavisor::kernel::PerCpu* cpu);
extern char ap_entry[];
}

namespace enclavisor::kernel {
namespace {

// One area for each vCPU but the first, with unmapped pages between: stack,
// exception stacks, PerCpu.
constexpr std::uint64_t kAreaStride = 0x10000;
constexpr std::uint64_t kStackPages = 4, kExceptionPages = 2, kCpuPages = 1;
static_assert(sizeof(PerCpu) <= kCpuPages * abi::kPageSize);
static_assert(kExceptionStacks * kExceptionStackSize <= kExceptionPages * abi::kPageSize);

// Ticks until a vCPU that does not show up is called again, some 30 ms, and until it is
// given up, some seconds: a busy host may give its thread no time for long.
constexpr std::uint64_t kFirstPatience = 100'000'000, kLastPatience = 10'000'000'000;

// The ROM's last page, of which q35 shows the last 128 KiB below 1 MiB too: a
// vCPU starts in measured code, in real mode, without a byte of RAM.
constexpr std::uint8_t kStartPage = 0xff;

PerCpu* make_area(FrameAllocator& frames, std::uint32_t index) {
    const std::uint64_t base = kCpuAreaVirt + index * kAreaStride + abi::kPageSize;
    for (std::uint64_t i = 0; i < kStackPages + kExceptionPages + kCpuPages; i++)
        map_kernel_page(frames, base + i * abi::kPageSize);
    const std::uint64_t stack_top = base + kStackPages * abi::kPageSize;
    const std::uint64_t cpu_at = stack_top + kExceptionPages * abi::kPageSize;
    auto* cpu = new (reinterpret_cast<void*>(cpu_at)) PerCpu{};
    cpu->self = cpu;
    cpu->index = index;
    cpu->stack_top = stack_top;
    cpu->exception_stacks = stack_top;
    return cpu;
}

bool comes_up(const PerCpu& cpu, std::uint64_t patience) {
    const std::uint64_t begin = arch::read_tsc();
    while (arch::read_tsc() - begin < patience) {
        if (__atomic_load_n(&cpu.online, __ATOMIC_ACQUIRE)) return true;
        arch::pause();
    }
    return false;
}

}  // namespace

void Cpus::add_boot_cpu(PerCpu& cpu) {
    cpu.index = 0;
    cpu.online = true;
    all_[count_++] = &cpu;
}

void Cpus::start_others(FrameAllocator& frames, std::uint32_t count) {
    if (count > kMaxCpus) count = kMaxCpus;
    for (std::uint32_t id = 1; id < count; id++) {
        PerCpu* cpu = make_area(frames, count_);
        cpu->apic_id = id;
        if constexpr (CurrentPlatform::kHasExits) exits::prepare_cpu(frames, *cpu);
        ap_start = {kernel_cr3(), cpu->stack_top, reinterpret_cast<std::uint64_t>(cpu)};
        bool created = false;
        if constexpr (CurrentPlatform::kAcceptsMemory) {
            // Of a secure TSC, the secure processor has put scale and offset into the states that were
            // launched.
            created = exits::tsc_khz() == 0;
            if (created) exits::create_cpu(frames, *cpu, reinterpret_cast<std::uint64_t>(ap_entry));
        }
        // What stands for a simulation's hypervisor has no hand on vCPUs.
        const bool calls = !created || CurrentPlatform::kSimulated;
        if (calls) {
            Apic::send_init(id);
            Apic::send_startup(id, kStartPage);
        }
        if (!comes_up(*cpu, kFirstPatience)) {
            if (calls) Apic::send_startup(id, kStartPage);
            if (!comes_up(*cpu, kLastPatience)) {
                // It may still come and must find nothing to begin with.
                ap_start = {};
                log_line("a vCPU does not start: ", id);
                return;
            }
        }
        all_[count_++] = cpu;
    }
}

void Cpus::send_wake(PerCpu& cpu) {
    Apic::send(cpu.apic_id, kWakeVector);
}

bool Cpus::wake_an_idle_one() {
    for (std::uint32_t i = 0; i < count_; i++) {
        if (!all_[i]->halted) continue;
        all_[i]->halted = false;
        send_wake(*all_[i]);
        return true;
    }
    return false;
}

}  // namespace enclavisor::kernel

extern "C" void ap_main(enclavisor::kernel::PerCpu* cpu) {
    using namespace enclavisor::kernel;
    enter_cpu(*cpu);
    if constexpr (CurrentPlatform::kHasExits) exits::begin_cpu(*cpu);
    initialise_cpu();
    Apic::initialise_local();
    cpu->address_space = kernel_cr3();
    __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
    start_on_cpu(*cpu);
}
