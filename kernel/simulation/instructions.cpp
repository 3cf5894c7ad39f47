// VMGEXIT, PVALIDATE and RMPADJUST on a processor that lacks them: carried to a program on the host that
// stands for the hypervisor and the secure processor (abi/platform/sim_request.hpp, sim/README.md). Only
// in builds for simulations; nothing here protects anything.
#include "kernel/platform/instructions.hpp"

#include "abi/enclave/calls.hpp"
#include "abi/platform/sim_request.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/boot/pages.hpp"
#include "kernel/boundary/host_ptr.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/simulation/offsets.hpp"

namespace enclavisor::kernel::simulation {
namespace {

using abi::Ghcb;
using abi::GhcbEvent;
using abi::SimRequest;

// The encodings, little endian.
constexpr std::uint32_t kVmgexit = 0xd9010ff3, kPvalidate = 0xff010ff2, kRmpAdjust = 0xfe010ff3;
constexpr std::uint64_t kInstructionSize = 4;

static_assert(SIM_REQUEST_PHYS == abi::kSimRequestPhys && SIM_START == offsetof(SimRequest, start));
#define ENCLAVISOR_ASSERT_START(NAME, member) \
    static_assert(SIM_START_##NAME == offsetof(abi::SimStart, member))
ENCLAVISOR_ASSERT_START(RIP, rip);
ENCLAVISOR_ASSERT_START(RSP, rsp);
ENCLAVISOR_ASSERT_START(CR0, cr0);
ENCLAVISOR_ASSERT_START(CR3, cr3);
ENCLAVISOR_ASSERT_START(CR4, cr4);
ENCLAVISOR_ASSERT_START(EFER, efer);
ENCLAVISOR_ASSERT_START(DR6, dr6);
ENCLAVISOR_ASSERT_START(DR7, dr7);
ENCLAVISOR_ASSERT_START(PAT, pat);
ENCLAVISOR_ASSERT_START(GDT, gdt_limit);
ENCLAVISOR_ASSERT_START(IDT, idt_limit);
#undef ENCLAVISOR_ASSERT_START

HostPtr<SimRequest> request_page(const PerCpu& cpu) {
    const std::uint64_t base =
        cpu.ghcb_virt >= kDeviceVirt ? kSimulationPagesVirt : BOOT_SHARED + abi::kSimRequestPhys;
    return HostPtr<SimRequest>{base + cpu.index * abi::kPageSize};
}

template <typename T>
HostPtr<T> at(HostPtr<SimRequest> page, std::size_t offset) {
    return page.member<T>(offset);
}

// Not by log_line(), which would come back here.
[[noreturn]] void stop(const char* reason) {
    for (; *reason != '\0'; reason++) arch::out8(0x3f8, static_cast<std::uint8_t>(*reason));
    arch::stop_forever();
}

abi::SimRegisters carry(HostPtr<SimRequest> page, abi::SimInstruction instruction,
                        const abi::SimRegisters& in, PerCpu& cpu) {
    at<std::uint32_t>(page, offsetof(SimRequest, instruction)).write(static_cast<std::uint32_t>(instruction));
    at<std::uint32_t>(page, offsetof(SimRequest, cpu)).write(cpu.index);
    at<abi::SimRegisters>(page, offsetof(SimRequest, in)).write(in);
    at<std::uint64_t>(page, offsetof(SimRequest, ghcb_msr)).write(cpu.simulated_ghcb_msr);
    publish_fence();
    const auto turn = at<std::uint32_t>(page, offsetof(SimRequest, turn));
    turn.write(static_cast<std::uint32_t>(abi::SimTurn::kCarrier));
    fence();
    arch::out8(abi::kSimPort, static_cast<std::uint8_t>(cpu.index));
    while (turn.read() != static_cast<std::uint32_t>(abi::SimTurn::kGuest)) arch::pause();
    acquire_fence();
    const std::uint64_t raise = at<std::uint64_t>(page, offsetof(SimRequest, raise)).read();
    if (raise == abi::kSimMachineEnds) arch::stop_forever();  // the carrier has said why
    if (raise != 0)
        stop("panic: simulation: the instruction raises an exception, of which the kernel expects none\n");
    cpu.simulated_ghcb_msr = at<std::uint64_t>(page, offsetof(SimRequest, ghcb_msr)).read();
    return at<abi::SimRegisters>(page, offsetof(SimRequest, out)).read();
}

abi::SimProcessor processor() {
    return at<abi::SimProcessor>(request_page(this_cpu()), offsetof(SimRequest, processor)).read();
}

// --- What a hypervisor does with its devices, in its place -----------------

class GhcbPage {
public:
    explicit GhcbPage(std::uint64_t address) : page_{address} {}
    std::uint64_t read(std::size_t offset) const { return page_.member<std::uint64_t>(offset).read(); }
    void write(std::size_t offset, std::uint64_t value) const {
        page_.member<std::uint64_t>(offset).write(value);
    }
    void output(std::size_t offset, std::uint64_t value) const {
        write(offset, value);
        const std::size_t word = offsetof(Ghcb, valid_bitmap) + offset / 512 * 8;
        write(word, read(word) | 1ull << offset / 8 % 64);
    }
    HostPtr<std::uint32_t> data() const { return page_.member<std::uint32_t>(offsetof(Ghcb, shared_buffer)); }

private:
    HostPtr<Ghcb> page_;
};

volatile std::uint32_t& device_register(std::uint64_t physical) {
    for (const DevicePage& page : kDevicePages) {
        if ((physical & ~(abi::kPageSize - 1)) == page.physical)
            return *reinterpret_cast<volatile std::uint32_t*>(page.address + physical % abi::kPageSize);
    }
    stop("panic: simulation: no such device\n");
}

void do_port(const GhcbPage& page, std::uint64_t info) {
    const auto port = static_cast<std::uint16_t>(info >> abi::kPortNumberShift);
    const bool byte = (info >> abi::kPortSizeShift & 7) == 1;
    if (info & abi::kPortIn) {
        page.output(offsetof(Ghcb, rax), byte ? arch::in8(port) : arch::in32(port));
    } else if (const std::uint64_t value = page.read(offsetof(Ghcb, rax)); byte) {
        arch::out8(port, static_cast<std::uint8_t>(value));
    } else {
        arch::out32(port, static_cast<std::uint32_t>(value));
    }
}

void do_cpuid(const GhcbPage& page) {
    const arch::Cpuid v = arch::cpuid(static_cast<std::uint32_t>(page.read(offsetof(Ghcb, rax))),
                                      static_cast<std::uint32_t>(page.read(offsetof(Ghcb, rcx))));
    page.output(offsetof(Ghcb, rax), v.eax);
    page.output(offsetof(Ghcb, rbx), v.ebx);
    page.output(offsetof(Ghcb, rcx), v.ecx);
    page.output(offsetof(Ghcb, rdx), v.edx);
}

// False: this is not about a device.
bool do_device(const GhcbPage& page) {
    const std::uint64_t info = page.read(offsetof(Ghcb, exit_info_1));
    switch (static_cast<GhcbEvent>(page.read(offsetof(Ghcb, exit_code)))) {
        case GhcbEvent::kPortIo:
            do_port(page, info);
            break;
        case GhcbEvent::kMmioRead:
            page.data().write(std::uint32_t{device_register(info)});
            break;
        case GhcbEvent::kMmioWrite:
            device_register(info) = page.data().read();
            break;
        case GhcbEvent::kCpuid:
            do_cpuid(page);
            break;
        default:
            return false;
    }
    page.write(offsetof(Ghcb, exit_info_1), 0);
    page.write(offsetof(Ghcb, exit_info_2), 0);
    return true;
}

void do_vmgexit(HostPtr<SimRequest> request, PerCpu& cpu) {
    const bool by_page = (cpu.simulated_ghcb_msr & abi::ghcb_msr::kMask) == 0;
    const bool carries_devices =
        at<std::uint32_t>(request, offsetof(SimRequest, carries_devices)).read() != 0;
    if (by_page && !carries_devices && do_device(GhcbPage{cpu.ghcb_virt})) return;
    carry(request, abi::SimInstruction::kVmgexit, {}, cpu);
}

}  // namespace

std::uint64_t sev_status() {
    return processor().sev_status;
}
std::uint64_t guest_tsc_frequency() {
    return processor().guest_tsc_frequency;
}

// False: it is none of the three.
extern "C" bool simulate_instruction(abi::Registers* r) {
    const std::uint64_t begin = arch::read_tsc();
    std::uint32_t code;
    __builtin_memcpy(&code, reinterpret_cast<const void*>(r->rip), sizeof(code));
    if (code != kVmgexit && code != kPvalidate && code != kRmpAdjust) return false;
    PerCpu& cpu = this_cpu();
    const auto request = request_page(cpu);
    if (code == kVmgexit) {
        do_vmgexit(request, cpu);
    } else {
        const auto instruction =
            code == kPvalidate ? abi::SimInstruction::kPvalidate : abi::SimInstruction::kRmpAdjust;
        const PhysAddr page = frame_of(reinterpret_cast<const void*>(r->rax));
        const auto out = carry(request, instruction, {page.value, r->rbx, r->rcx, r->rdx, r->rflags}, cpu);
        constexpr std::uint64_t kArithmetic = 0x8d5;  // CF, PF, AF, ZF, SF, OF
        r->rax = out.rax & 0xffff'ffff;
        r->rflags = (r->rflags & ~kArithmetic) | (out.rflags & kArithmetic);
    }
    r->rip += kInstructionSize;
    const auto ticks = at<std::uint64_t>(request, offsetof(SimRequest, handler_ticks));
    ticks.write(ticks.read() + (arch::read_tsc() - begin));
    return true;
}

}  // namespace enclavisor::kernel::simulation
