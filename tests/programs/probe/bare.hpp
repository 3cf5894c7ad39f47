// What the bare test programs share: kernel calls, their thread block, a load that
// may fault.
#pragma once

#include <cstdint>

#include "base/kernel_call.hpp"

namespace enclavisor::tests::bare {

using base::kernel_call;

[[noreturn]] inline void end(std::uint64_t status) {
    base::end_enclave(abi::EndReason::kExited, status);
}

inline abi::ThreadBlock& block() {
    return base::thread_block();
}

// What kFreeze returns in an instance. With `call_word` the instance sleeps until that
// word of its slot is not 0.
struct Instance {
    std::uint64_t handle, slot, random;
    std::uint64_t tsc;  // at its first instruction
};
inline Instance freeze(std::uint64_t call_word = ~0ull) {
    const std::uint64_t flags = call_word == ~0ull ? 0 : abi::kFreezeParked;
    Instance i;
    std::uint64_t low, high;
    asm volatile(
        "syscall\n\t"
        "movq %%rdx, %3\n\t"
        "rdtsc"
        : "=a"(low), "=D"(i.handle), "=S"(i.slot), "=&r"(i.random), "=d"(high)
        : "a"(abi::Call::kFreeze), "D"(flags), "S"(call_word)
        : "rcx", "r11", "r8", "r9", "r10", "memory");
    i.tsc = high << 32 | low;
    return i;
}

// 0 if the load faults; for programs with BARE_EXCEPTION_ENTRY.
[[gnu::noinline]] std::uint64_t look(std::uint64_t address);

}  // namespace enclavisor::tests::bare

// _start with a stack of one page, which calls `main`; must not return.
#define BARE_START(main)                         \
    asm(".globl _start\n"                        \
        "_start:\n"                              \
        "    leaq bare_stack_top(%rip), %rsp\n"  \
        "    xorl %ebp, %ebp\n"                  \
        "    call " #main                        \
        "\n"                                     \
        "    ud2\n"                              \
        "    .section .stack, \"aw\", @nobits\n" \
        "    .balign 4096\n"                     \
        "    .skip 4096\n"                       \
        "bare_stack_top:\n"                      \
        "    .text\n")

// enclavisor_exception_entry, which lets only the load in look() fault; anything else
// ends the enclave with 80 + its vector.
#define BARE_EXCEPTION_ENTRY                                               \
    asm(".globl enclavisor_exception_entry\n"                              \
        "enclavisor_exception_entry:\n"                                    \
        "    subq $256, %rsp\n"                                            \
        "    andq $-16, %rsp\n"                                            \
        "    call bare_exception\n"                                        \
        "    ud2\n");                                                      \
    extern "C" {                                                           \
    extern const char look_load[], look_done[];                            \
    [[noreturn]] void bare_exception() {                                   \
        using namespace enclavisor;                                        \
        abi::ThreadBlock& b = tests::bare::block();                        \
        if (b.exception.rip != reinterpret_cast<std::uint64_t>(look_load)) \
            tests::bare::end(80 + b.exception.vector);                     \
        b.resume = b.exception;                                            \
        b.resume.rax = 0;                                                  \
        b.resume.rip = reinterpret_cast<std::uint64_t>(look_done);         \
        tests::bare::kernel_call(abi::Call::kResume);                      \
        tests::bare::end(99);                                              \
    }                                                                      \
    }                                                                      \
    std::uint64_t enclavisor::tests::bare::look(std::uint64_t address) {   \
        std::uint64_t value;                                               \
        asm volatile(                                                      \
            ".globl look_load, look_done\n"                                \
            "look_load: movq (%1), %0\n"                                   \
            "look_done:\n"                                                 \
            : "=&a"(value)                                                 \
            : "r"(address)                                                 \
            : "memory");                                                   \
        return value;                                                      \
    }
