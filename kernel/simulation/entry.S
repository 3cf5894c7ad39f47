// The gate of undefined instructions in simulation builds, with a stack of its own.
#include "kernel/arch/offsets.hpp"

    .text
    .globl simulated_entry
simulated_entry:
    testb $8, %spl
    jnz 1f
    addq $8, %rsp               // an error code that only an injected event has
1:  testb $3, 8(%rsp)
    jnz from_user
    pushq $0
    pushq $6
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    call simulate_instruction
    movq %rbx, %rsp
    testb %al, %al
    jz not_simulated
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    iretq

not_simulated:
    addq $(15 * 8), %rsp
    jmp trap_in_kernel

// The enclave's own: its registers belong in the thread's frame (debug_entry in arch/entry.S).
from_user:
    swapgs
    lfence
    movq %rax, %gs:PER_CPU_SCRATCH
    movq %rsp, %rax
    movq %gs:PER_CPU_FRAME_END, %rsp
    pushq 32(%rax)
    pushq 24(%rax)
    pushq 16(%rax)
    pushq 8(%rax)
    pushq (%rax)
    movq %gs:PER_CPU_SCRATCH, %rax
    pushq $0
    pushq $6
    jmp trap_from_user

    .section .note.GNU-stack, "", @progbits
