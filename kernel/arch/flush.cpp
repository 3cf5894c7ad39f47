#include "kernel/arch/flush.hpp"

#include "kernel/arch/cpu.hpp"
#include "kernel/arch/cpus.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/sched/scheduler.hpp"

namespace enclavisor::kernel {
namespace {

// More pages than this are flushed all at once.
constexpr std::uint64_t kFew = 16;

void load(PerCpu& cpu, std::uint64_t address_space) {
    cpu.address_space = address_space;
    arch::write_cr3(address_space);
}

bool runs(const PerCpu& cpu, const Enclave& enclave) {
    return cpu.current != nullptr && cpu.current->enclave == &enclave;
}

// Has the vCPUs for which `asked` holds load their address space anew.
template <typename Asked>
void ask_others(Asked asked) {
    PerCpu& self = this_cpu();
    std::uint32_t waiting = 0;
    for (std::uint32_t i = 0; i < Cpus::count(); i++) {
        PerCpu& cpu = Cpus::at(i);
        if (&cpu == &self || !asked(cpu)) continue;
        __atomic_store_n(&cpu.requested, true, __ATOMIC_SEQ_CST);
        Cpus::send_wake(cpu);
        waiting |= 1u << i;
    }
    for (std::uint32_t i = 0; waiting != 0; i++, waiting >>= 1) {
        if ((waiting & 1) == 0) continue;
        while (__atomic_load_n(&Cpus::at(i).requested, __ATOMIC_ACQUIRE)) arch::pause();
    }
}

}  // namespace

void use_address_space(PerCpu& cpu, std::uint64_t cr3) {
    if (cpu.address_space != cr3) load(cpu, cr3);
}

void serve_requests(PerCpu& cpu) {
    if (!__atomic_load_n(&cpu.requested, __ATOMIC_ACQUIRE)) return;
    const Thread* thread = cpu.current;
    if (thread == nullptr) cpu.use_spare_frame();
    load(cpu, thread == nullptr ? kernel_cr3() : Entry::cr3(thread->space->tables.root()));
    __atomic_store_n(&cpu.requested, false, __ATOMIC_RELEASE);
}

void flush(Space& space, PageRange range) {
    PerCpu& self = this_cpu();
    Enclave& enclave = *space.enclave;
    const bool few = !space.tables.take_split() && range.count.value <= kFew;
    if (few && self.address_space == Entry::cr3(space.tables.root())) {
        for (std::uint64_t i = 0; i < range.count.value; i++)
            arch::invalidate_page(range.begin.plus_pages(i).value);
    } else if (runs(self, enclave)) {
        load(self, Entry::cr3(self.current->space->tables.root()));  // the root may be another now
    } else if (self.current == nullptr) {
        use_address_space(self, kernel_cr3());
    }
    if (Cpus::count() > 1 && CurrentPlatform::kDefended)
        ask_others([&](const PerCpu& cpu) { return runs(cpu, enclave); });
}

void interrupt_running(Enclave& enclave) {
    if (Cpus::count() > 1) ask_others([&](const PerCpu& cpu) { return runs(cpu, enclave); });
}

void forget_running(Enclave& enclave) {
    std::uint32_t elsewhere = 0;
    for (std::uint32_t i = 0; i < Cpus::count(); i++) {
        PerCpu& cpu = Cpus::at(i);
        if (cpu.loaded != nullptr && cpu.loaded->enclave == &enclave) {
            account(cpu);
            cpu.loaded = nullptr;
        }
        if (!runs(cpu, enclave)) continue;
        cpu.current = nullptr;
        elsewhere |= 1u << i;
    }
    for (const Space* s = enclave.spaces.first(); s != nullptr; s = SpaceList::next(s)) forget_space(*s);
    ask_others([&](const PerCpu& cpu) { return elsewhere >> cpu.index & 1; });
}

void forget_space(const Space& space) {
    PerCpu& self = this_cpu();
    if (self.address_space == Entry::cr3(space.tables.root())) load(self, kernel_cr3());
}

}  // namespace enclavisor::kernel
