// The gate of undefined instructions in simulation builds, with a stack of its own.
#include "kernel/arch/frame.inc"

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
    PUSH_GENERAL
    cld
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    call simulate_instruction
    movq %rbx, %rsp
    testb %al, %al
    jz not_simulated
    POP_GENERAL
    addq $16, %rsp
    iretq

not_simulated:
    addq $(15 * 8), %rsp
    jmp trap_in_kernel

from_user:                      // the enclave's own
    MOVE_TO_FRAME 6

    .section .note.GNU-stack, "", @progbits
