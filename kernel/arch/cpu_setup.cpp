// Brings one vCPU into the state that the kernel relies on.
#include "abi/enclave/calls.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/exception_state.hpp"
#include "kernel/arch/explained.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/panic.hpp"
#include "kernel/platform/devices.hpp"
#include "kernel/platform/platform.hpp"

extern "C" {
#ifdef ENCLAVISOR_SIMULATION
extern char simulated_entry[];
#endif
extern char syscall_entry[];
extern char trap_stubs[], debug_entry[], ignore_entry[];
}

namespace enclavisor::kernel {
namespace {

using namespace arch;

// Interrupt gate, APM2 4.8.4. All gates have privilege level 0: `int n` in
// ring 3 is a general-protection fault for every n.
struct Gate {
    std::uint16_t offset_low;
    std::uint16_t selector;
    std::uint8_t stack;  // IST index, 0: none
    std::uint8_t type;
    std::uint16_t offset_middle;
    std::uint32_t offset_high;
    std::uint32_t reserved;
};
static_assert(sizeof(Gate) == 16);

struct [[gnu::packed]] TableRegister {
    std::uint16_t limit;
    std::uint64_t base;
};

// Present, interrupt gate, privilege level 0.
constexpr std::uint8_t kGateType = CurrentPlatform::kDefended ? 0x8e : 0xee;

alignas(16) Gate interrupt_table[256];
bool interrupt_table_ready = false;

std::uint32_t xsave_bytes = 0;

void fill_interrupt_table() {
    for (int vector = 0; vector < 256; vector++) {
        const char* entry = trap_stubs + vector * 32;
        std::uint8_t stack = CurrentPlatform::kDefended ? kStackFrame : 0;
        if (vector == 1) entry = debug_entry, stack = kStackDebug;
        if (vector == 2) entry = ignore_entry, stack = kStackNmi;
#ifdef ENCLAVISOR_SIMULATION
        // What is carried away happens in the kernel, whose frames hold what is to be kept.
        if (vector == 6) entry = simulated_entry, stack = kStackSimulation;
#endif
        const auto stub = reinterpret_cast<std::uint64_t>(entry);
        interrupt_table[vector] = {static_cast<std::uint16_t>(stub),
                                   SELECTOR_KERNEL_CODE,
                                   stack,
                                   kGateType,
                                   static_cast<std::uint16_t>(stub >> 16),
                                   static_cast<std::uint32_t>(stub >> 32),
                                   0};
    }
    interrupt_table_ready = true;
}

void load_tables(PerCpu& cpu) {
    const auto task = reinterpret_cast<std::uint64_t>(&cpu.task);
    cpu.gdt[0] = 0;
    cpu.gdt[SELECTOR_KERNEL_CODE / 8] = 0x00af9b000000ffff;
    cpu.gdt[SELECTOR_KERNEL_DATA / 8] = 0x00cf93000000ffff;
    cpu.gdt[3] = 0;  // sysret's 32-bit code segment: not offered
    cpu.gdt[SELECTOR_USER_DATA / 8] = 0x00cff3000000ffff;
    cpu.gdt[SELECTOR_USER_CODE / 8] = 0x00affb000000ffff;
    cpu.gdt[SELECTOR_TSS / 8] =
        (sizeof(TaskState) - 1) | (task & 0xffffff) << 16 | 0x89ull << 40 | (task >> 24 & 0xff) << 56;
    cpu.gdt[SELECTOR_TSS / 8 + 1] = task >> 32;
    cpu.task.io_map_base = sizeof(TaskState);  // no port is open to ring 3
    cpu.use_spare_frame();
    cpu.task.ist[kStackDebug - 1] = cpu.exception_stacks + kExceptionStackSize;
    cpu.task.ist[kStackNmi - 1] = cpu.exception_stacks + 2 * kExceptionStackSize;
    cpu.task.ist[kStackSimulation - 1] = cpu.exception_stacks + 3 * kExceptionStackSize;

    const TableRegister gdtr{sizeof(cpu.gdt) - 1, reinterpret_cast<std::uint64_t>(cpu.gdt)};
    const TableRegister idtr{sizeof(interrupt_table) - 1, reinterpret_cast<std::uint64_t>(interrupt_table)};
    asm volatile(
        "lgdt %0\n\t"
        "lidt %1\n\t"
        "pushq %2\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "pushq %%rax\n\t"
        "lretq\n"
        "1:\n\t"
        "movl %3, %%eax\n\t"
        "movl %%eax, %%ss\n\t"
        "xorl %%eax, %%eax\n\t"
        "movl %%eax, %%ds\n\t"
        "movl %%eax, %%es\n\t"
        "movl %%eax, %%fs\n\t"
        "movl %%eax, %%gs\n\t"
        "lldt %%ax\n\t"
        "movw %4, %%ax\n\t"
        "ltr %%ax" ::"m"(gdtr),
        "m"(idtr), "i"(SELECTOR_KERNEL_CODE), "i"(SELECTOR_KERNEL_DATA), "i"(SELECTOR_TSS)
        : "rax", "memory");
}

// CPUID bits that the kernel's promises rest on. A hypervisor that hides one
// gets a clear refusal instead of a weaker kernel.
void require_features() {
    const CpuidValues basic = read_cpuid(1);
    const CpuidValues extended = read_cpuid(7);
    check(basic.ecx & 1 << 26, "this CPU offers no XSAVE; use -cpu max or a CPU of the last ten years");
    check(basic.ecx & 1 << 30, "this CPU offers no RDRAND; enclaves need its randomness");
    check(extended.ebx & 1 << 0, "this CPU offers no FSGSBASE");
    check(extended.ebx & 1 << 7, "this CPU offers no SMEP");
    check(extended.ebx & 1 << 20, "this CPU offers no SMAP");
}

void find_branch_barrier() {
    const bool amd = read_cpuid(0x8000'0000).eax >= 0x8000'0008 && (read_cpuid(0x8000'0008).ebx & 1 << 12);
    has_branch_barrier = amd || (read_cpuid(7).edx & 1 << 26);
    // Linux before 6.4 lets a guest write the register by itself after it has asked once.
    if constexpr (CurrentPlatform::kHasExits) {
        if (has_branch_barrier) exits::write_msr(static_cast<std::uint32_t>(Msr::kPredictionCommand), 1);
    }
}

void enable_xsave() {
    // x87, SSE, AVX, and AVX-512 if it is offered and the area still fits.
    const std::uint64_t offered = read_cpuid(0xd, 0).eax;
    constexpr std::uint64_t kBase = 0x7, kAvx512 = 0xe0;
    std::uint64_t wanted = offered & (kBase | kAvx512);
    if ((wanted & kAvx512) != kAvx512) wanted &= kBase;
    asm volatile("xsetbv" ::"c"(0), "a"(std::uint32_t(wanted)), "d"(0));
    const std::uint32_t size = read_cpuid(0xd, 0).ebx;
    if (xsave_bytes == 0) xsave_bytes = size;
    check(size == xsave_bytes && size >= 576, "XSAVE: a size that cannot be");
}

}  // namespace

std::uint32_t xsave_size() {
    return xsave_bytes;
}

void enter_cpu(PerCpu& cpu) {
    if (!interrupt_table_ready) fill_interrupt_table();
    cpu.self = &cpu;
    load_tables(cpu);
    write_msr(Msr::kGsBase, reinterpret_cast<std::uint64_t>(&cpu));
    write_msr(Msr::kKernelGsBase, 0);
}

void initialise_cpu() {
    require_features();
    const std::uint64_t umip = read_cpuid(7).ecx & 1 << 2 ? kCr4Umip : 0;
    const std::uint64_t walls = CurrentPlatform::kDefended ? kCr4Smep | kCr4Smap | umip : 0;
    write_cr0((read_cr0() & ~(kCr0Emulation | kCr0TaskSwitched | kCr0CacheDisable | kCr0NotWriteThrough)) |
              kCr0MonitorCoprocessor | kCr0NumericError | kCr0WriteProtect | kCr0AlignmentMask);
    write_cr4(read_cr4() | kCr4FxsaveFxrstor | kCr4SimdExceptions | kCr4FsGsBase | kCr4Xsave | walls);
    arch::take_fault_address();
    enable_xsave();
    find_branch_barrier();
    processor_sets = instruction_sets(read_cpuid(1).ecx, read_cpuid(7).ebx, read_xcr0());

    write_msr(Msr::kEfer, read_msr(Msr::kEfer) | kEferSyscall | kEferNoExecute);
    // sysret takes CS = STAR[63:48] + 16 and SS = STAR[63:48] + 8 (APM2 6.1.1).
    write_msr(Msr::kStar,
              std::uint64_t{SELECTOR_USER_DATA - 8} << 48 | std::uint64_t{SELECTOR_KERNEL_CODE} << 32);
    write_msr(Msr::kLstar, reinterpret_cast<std::uint64_t>(::syscall_entry));
    write_msr(Msr::kSfmask, kFlagTrap | kFlagInterrupt | kFlagDirection | kFlagIoPrivilege | kFlagNestedTask |
                                kFlagAlignmentCheck);
    static_assert(SELECTOR_USER_CODE == abi::kUserCodeSelector &&
                  SELECTOR_USER_DATA == abi::kUserDataSelector);
}

}  // namespace enclavisor::kernel
