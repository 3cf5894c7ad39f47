// Layout of what Linux puts on the stack for a signal handler (x86-64).
#pragma once

#include <cstddef>
#include <cstdint>

namespace enclavisor::runtime {

struct SignalAction {  // the kernel's struct sigaction
    std::uint64_t handler;
    std::uint64_t flags;
    std::uint64_t restorer;
    std::uint64_t mask;
};
static_assert(sizeof(SignalAction) == 32);

struct SignalStack {  // stack_t
    std::uint64_t base;
    std::int32_t flags;
    std::int32_t padding;
    std::uint64_t size;
};
static_assert(sizeof(SignalStack) == 24);

struct SignalInfo {  // siginfo_t
    std::int32_t number, error, code, padding;
    union {
        struct {
            std::int32_t pid;
            std::uint32_t uid;
            std::uint64_t value;
        } sender;
        struct {  // SI_TIMER
            std::int32_t id, overruns;
            std::uint64_t value;
        } timer;
        std::uint64_t address;
        std::uint64_t rest[14];
    };
};
static_assert(sizeof(SignalInfo) == 128);

struct SignalRegisters {  // struct sigcontext
    std::uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    std::uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    std::uint16_t cs, gs, fs, ss;
    std::uint64_t error, vector, old_mask, fault_address;
    std::uint64_t vector_state;  // address, or 0
    std::uint64_t reserved[8];
};
static_assert(sizeof(SignalRegisters) == 256);

struct SignalFrame {  // struct rt_sigframe
    std::uint64_t return_address;
    std::uint64_t context_flags;
    std::uint64_t context_link;
    SignalStack stack;
    SignalRegisters registers;
    std::uint64_t mask;
    SignalInfo info;
};
static_assert(offsetof(SignalFrame, registers) == 48);
static_assert(offsetof(SignalFrame, mask) == 304);
static_assert(offsetof(SignalFrame, info) == 312);

// In the XSAVE area's software-reserved bytes (struct _fpx_sw_bytes).
struct VectorStateMark {
    std::uint32_t magic1, extended_size;
    std::uint64_t components;
    std::uint32_t state_size, padding[7];
};
static_assert(sizeof(VectorStateMark) == 48);
inline constexpr std::size_t kVectorStateMarkOffset = 464;
inline constexpr std::uint32_t kVectorMagic1 = 0x46505853, kVectorMagic2 = 0x46505845;

}  // namespace enclavisor::runtime
