// The hostile ring-3 programs (tests/programs/hostile) and how each must end.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "abi/host/control.hpp"

namespace enclavisor::tests {

// How an enclave may end. `codes` has bit n set for each accepted code n.
struct Expectation {
    abi::EndReason reason;
    std::uint64_t codes;
};

constexpr Expectation fault(std::initializer_list<int> vectors) {
    std::uint64_t codes = 0;
    for (const int vector : vectors) codes |= 1ull << vector;
    return {abi::EndReason::kFault, codes};
}
constexpr Expectation exited(int status) {
    return {abi::EndReason::kExited, 1ull << status};
}
inline constexpr Expectation kBadCallEnd{abi::EndReason::kBadCall, ~0ull};
inline constexpr Expectation kMemoryEnd{abi::EndReason::kMemoryLimit, ~0ull};
// Runs until the host ends it.
inline constexpr Expectation kMustBeStopped{abi::EndReason::kStopped, ~0ull};
// Anything but an escape; what matters is that the VM and its neighbours stay.
inline constexpr Expectation kAnyEnd{abi::EndReason::kNone, ~0ull};

struct HostileCase {
    const char* name;
    Expectation expected;
};

// Under QEMU's emulator some things differ from a processor: unmasked SIMD
// exceptions, reserved MXCSR bits and non-canonical bases are not reported
// (kAnyEnd), icebp is an invalid opcode, and IRET or a far return in ring 3
// reads its stack with supervisor rights, which SMAP turns into a page fault.
// Vectors: 0 #DE 1 #DB 3 #BP 6 #UD 12 #SS 13 #GP 14 #PF 16 #MF 17 #AC 19 #XM.
inline const HostileCase kHostileCases[] = {
    // memory.S
    {"execute_data", fault({14})},
    {"execute_stack", fault({14})},
    {"execute_io_area", fault({14})},
    {"execute_thread_block", fault({14})},
    {"read_past_io_area", fault({14})},
    {"read_before_io_area", fault({14})},
    {"write_past_thread_block", fault({14})},
    {"write_text", fault({14})},
    {"write_read_only", fault({14})},
    {"stack_overflow", fault({14})},
    {"stack_at_zero", fault({12, 14})},
    {"null_read", fault({14})},
    {"null_write", fault({14})},
    {"null_execute", fault({14})},
    {"noncanonical_read", fault({13})},
    {"gs_beyond_the_block", fault({14})},
    {"memory_hog", kMemoryEnd},
    {"page_table_hog", kAnyEnd},
    {"reserve_everything", kAnyEnd},
    // instructions.S
    {"hlt", fault({13})},
    {"cli", fault({13})},
    {"sti", fault({13})},
    {"in_byte", fault({13})},
    {"out_byte", fault({13})},
    {"out_serial", fault({13})},
    {"in_pci", fault({13})},
    {"out_reset", fault({13})},
    {"ins", fault({13})},
    {"outs", fault({13})},
    {"lgdt", fault({13})},
    {"lidt", fault({13})},
    {"lldt", fault({13})},
    {"ltr", fault({13})},
    {"lmsw", fault({13})},
    {"read_cr0", fault({13})},
    {"read_cr2", fault({13})},
    {"read_cr3", fault({13})},
    {"read_cr4", fault({13})},
    {"read_cr8", fault({13})},
    {"write_cr0", fault({13})},
    {"write_cr3", fault({13})},
    {"write_cr4", fault({13})},
    {"write_cr8", fault({13})},
    {"read_dr0", fault({13})},
    {"write_dr7", fault({13})},
    {"rdmsr_efer", fault({13})},
    {"wrmsr_lstar", fault({13})},
    {"wrmsr_efer", fault({13})},
    {"wrmsr_kernel_gs", fault({13})},
    {"invlpg", fault({13})},
    {"invd", fault({13})},
    {"wbinvd", fault({13})},
    {"clts", fault({13})},
    {"swapgs", fault({6, 13})},
    {"sysretq", fault({6, 13})},
    {"sysretl", fault({6, 13})},
    {"sysexit", fault({6, 13})},
    {"sysenter", fault({6, 13})},
    {"monitor", fault({6, 13})},
    {"mwait", fault({6, 13})},
    {"xsetbv", fault({6, 13})},
    {"xsetbv_reserved", fault({6, 13})},
    {"vmmcall", fault({6, 13})},
    {"vmcall", fault({6, 13})},
    {"vmrun", fault({6, 13})},
    {"vmload", fault({6, 13})},
    {"clgi", fault({6, 13})},
    {"stgi", fault({6, 13})},
    {"skinit", fault({6, 13})},
    {"rdpmc", fault({6, 13})},
    {"sgdt", fault({13})},
    {"sidt", fault({13})},
    {"sldt", fault({13})},
    {"str", fault({13})},
    {"smsw", fault({13})},
    {"stac", fault({6, 13})},
    {"clac", fault({6, 13})},
    {"ud2", fault({6})},
    {"icebp", fault({1, 6})},
    {"lock_on_nop", fault({6})},
    {"rsm", fault({6, 13})},
    {"getsec", fault({6, 13})},
    {"bad_opcode", fault({6})},
    {"invpcid", fault({6, 13})},
    {"vmgexit", fault({6, 13})},
    {"pvalidate", fault({6, 13})},
    {"rmpadjust", fault({6, 13})},
    {"instruction_too_long", fault({13})},
    {"divide", fault({0})},
    {"divide_overflow", fault({0})},
    {"x87_exception", fault({16})},
    {"simd_exception", kAnyEnd},
    {"bad_mxcsr", kAnyEnd},
    {"bad_xrstor", fault({13})},
    {"misaligned_sse", fault({13})},
    {"misaligned_avx", fault({13})},
    {"int3", fault({3, 13})},
    {"nested_task_flag", exited(0)},
    {"direction_flag", exited(0)},
    {"alignment_check_flag", kAnyEnd},
    {"trap_flag", kAnyEnd},
    {"id_and_overflow_flags", exited(0)},
    {"nested_task_fault", fault({6})},
    {"io_privilege_flag", fault({13})},
    {"interrupt_flag_off", kMustBeStopped},
    {"alignment_check", kAnyEnd},
    {"load_kernel_ds", fault({13})},
    {"load_kernel_ss", fault({13})},
    {"load_kernel_fs", fault({13})},
    {"load_code_as_ss", fault({13})},
    {"load_null_ss", fault({13})},
    {"load_beyond_gdt", fault({13})},
    {"load_user_gs", exited(0)},
    {"load_null_gs", exited(0)},
    {"gs_base_kernel", exited(0)},
    {"gs_base_kernel_fault", fault({6})},
    {"gs_base_kernel_read", fault({14})},
    {"gs_base_noncanonical", kAnyEnd},
    {"fs_base_noncanonical", kAnyEnd},
    {"gs_base_loop", exited(0)},
    // control_flow.S
    {"noncanonical_jump", fault({13, 14})},
    {"noncanonical_call", fault({13, 14})},
    {"noncanonical_return", fault({13, 14})},
    {"noncanonical_stack_push", fault({12, 13})},
    {"noncanonical_stack_call", exited(0)},
    {"noncanonical_stack_fault", fault({6})},
    {"kernel_stack_fault", fault({6})},
    {"kernel_stack_call", exited(0)},
    {"syscall_at_the_top", fault({14})},
    {"iret_ring0", fault({13, 14})},
    {"iret_ring0_stack", fault({13, 14})},
    {"iret_noncanonical", fault({13, 14})},
    {"iret_kernel", fault({13, 14})},
    {"iret_null", fault({13, 14})},
    {"iret_beyond_gdt", fault({13, 14})},
    {"iret_ring1", fault({13, 14})},
    {"iret_io_privilege", fault({13, 14})},
    {"far_return_ring0", fault({13, 14})},
    {"far_return_to_32_bit", fault({6, 11, 13, 14})},
    {"far_return_to_32_bit_syscall", fault({6, 11, 13, 14})},
    {"far_jump_ring0", fault({13})},
    {"far_call_ring0", fault({13})},
    {"far_call_tss", fault({13})},
    {"tight_loop", kMustBeStopped},
    {"call_loop", kMustBeStopped},
    {"yield_loop", kMustBeStopped},
    {"doorbell_loop", kMustBeStopped},
    {"map_loop", kMustBeStopped},
    {"wait_for_ever", kMustBeStopped},
    {"wait_io_for_ever", kMustBeStopped},
    {"string_loop", kMustBeStopped},
    // calls.S
    {"garbage_in_thread_block", fault({6})},
    {"unmap_thread_block", kAnyEnd},
    {"replace_thread_block", kAnyEnd},
    {"unmap_io_area", kAnyEnd},
    {"unmap_everything", kAnyEnd},
    {"execute_io_by_protect", kAnyEnd},
};

}  // namespace enclavisor::tests
