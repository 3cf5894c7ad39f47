#include "kernel/arch/vmm_communication.hpp"

#include "kernel/enclave/enclave.hpp"
#include "kernel/platform/exits.hpp"
#include "kernel/platform/vc.hpp"

namespace enclavisor::kernel {
namespace {

constexpr std::uint64_t kInvalidOpcode = 6;

// What the enclave has at RIP, as far as it may execute it.
std::size_t read_code(Thread& thread, std::span<std::uint8_t> to) {
    for (std::size_t i = 0; i < to.size(); i++) {
        const VirtAddr at{thread.registers.rip + i};
        const Entry entry = thread.space->tables.lookup(at);
        if (!entry.present() || !entry.executable()) return i;
        to[i] = direct<const std::uint8_t>(entry.frame())[at.value % abi::kPageSize];
    }
    return to.size();
}

}  // namespace

VcOutcome serve_vmm_communication(Thread& thread) {
    abi::Registers& r = thread.registers;
    std::uint8_t code[3];
    const std::size_t length = read_code(thread, code);
    switch (judge_vc(r.error, {code, length})) {
        case VcAnswer::kCpuid: {
            const CpuidValues v =
                exits::cpuid(static_cast<std::uint32_t>(r.rax), static_cast<std::uint32_t>(r.rcx));
            r.rax = v.eax;
            r.rbx = v.ebx;
            r.rcx = v.ecx;
            r.rdx = v.edx;
            r.rip += kCpuidLength;
            return VcOutcome::kDone;
        }
        case VcAnswer::kUndefined:
            r.vector = kInvalidOpcode;
            r.error = 0;
            return VcOutcome::kRaised;
        case VcAnswer::kException:
            r.vector = r.error - kExitException;
            r.error = 0;
            break;
        case VcAnswer::kRefused:
            break;
    }
    return VcOutcome::kClaimed;
}

}  // namespace enclavisor::kernel
