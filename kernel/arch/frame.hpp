// What ways into ring 0 do alike. For assembly.
#pragma once

#include "kernel/arch/offsets.hpp"

// abi::Registers below vector and error.
.macro PUSH_GENERAL pushq % rax pushq % rbx pushq % rcx pushq % rdx pushq % rsi pushq % rdi pushq %
    rbp pushq % r8 pushq % r9 pushq % r10 pushq % r11 pushq % r12 pushq % r13 pushq % r14 pushq %
    r15.endm.macro POP_GENERAL popq % r15 popq % r14 popq % r13 popq % r12 popq % r11 popq % r10 popq %
    r9 popq % r8 popq % rbp popq % rdi popq % rsi popq % rdx popq % rcx popq % rbx popq %
    rax.endm

        // On a stack of the gate's own, from ring 3 and without an error code: the registers belong in the
        // thread's frame.
        .macro MOVE_TO_FRAME vector swapgs lfence movq %
    rax,
    % gs : PER_CPU_SCRATCH movq % rsp, % rax movq % gs : PER_CPU_FRAME_END,
    % rsp pushq 32(% rax) pushq 24(% rax) pushq 16(% rax) pushq 8(% rax) pushq(% rax) movq
        % gs : PER_CPU_SCRATCH,
    % rax pushq $0 pushq $\vector jmp trap_from_user.endm
