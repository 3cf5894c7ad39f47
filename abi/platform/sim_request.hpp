// How a guest of the simulations sim-sev-es and sim-snp reaches what stands for its hypervisor and its
// secure processor (sim/README.md): a page for each vCPU in memory that is shared with the host, and a
// port that says whose page has something. Part of simulation builds alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/platform/layout.hpp"

namespace enclavisor::abi {

// Guest-physical address of vCPU 0's page, without the C-bit; the others' follow.
inline constexpr std::uint64_t kSimRequestPhys = 0x1'0000;
// A byte written there is the number of a vCPU whose page is ready.
inline constexpr std::uint16_t kSimPort = 0x402;

enum class SimTurn : std::uint32_t { kGuest = 0, kCarrier = 1 };
enum class SimInstruction : std::uint32_t { kVmgexit = 1, kPvalidate = 2, kRmpAdjust = 3 };

struct SimRegisters {
    std::uint64_t rax, rbx, rcx, rdx, rflags;
};

// What stands for the processor loads when a vCPU starts from its VMSA. rip 0: it has none.
struct SimStart {
    std::uint64_t rip, rsp, cr0, cr3, cr4, efer, dr6, dr7, pat;
    std::uint16_t reserved0[3], gdt_limit;
    std::uint64_t gdt_base;
    std::uint16_t reserved1[3], idt_limit;
    std::uint64_t idt_base;
};

// Registers that a processor without SEV lacks, as it would have them in this guest.
struct SimProcessor {
    std::uint64_t sev_status, guest_tsc_frequency;
};

struct SimRequest {
    std::uint32_t turn;         // SimTurn; written last, by whose turn it was
    std::uint32_t instruction;  // SimInstruction
    std::uint32_t cpu;          // its level is what the carrier knows of it, not what the guest says
    // Carrier's, set before the VM starts: 1: accesses to devices and CPUID of the GHCB protocol come
    // here too. Otherwise the guest's handler does them in the hypervisor's place.
    std::uint32_t carries_devices;
    // Of PVALIDATE and RMPADJUST, RAX is the guest-physical address.
    SimRegisters in;
    std::uint64_t ghcb_msr;  // both ways
    SimRegisters out;
    // Vector to raise instead: 13 (#GP), 29 (#VC); kSimMachineEnds. 0: none.
    std::uint64_t raise;
    // Guest's: TSC ticks that this vCPU has spent in its handler, which hardware would not have.
    std::uint64_t handler_ticks;
    SimStart start;          // carrier's, when the guest has created the vCPU
    SimProcessor processor;  // carrier's, set before the VM starts
};
inline constexpr std::uint64_t kSimMachineEnds = 0xffff;
static_assert(offsetof(SimRequest, in) == 0x10 && offsetof(SimRequest, ghcb_msr) == 0x38);
static_assert(offsetof(SimRequest, out) == 0x40 && offsetof(SimRequest, raise) == 0x68);
static_assert(offsetof(SimRequest, start) == 0x78 && offsetof(SimStart, gdt_limit) == 0x4e);
static_assert(sizeof(SimRequest) == 0xf0 && sizeof(SimRequest) <= kPageSize);

}  // namespace enclavisor::abi
