// The first instructions of a function, and the birth of an instance.
#include "base/ring3_start.inc"
#include "sdk/lib/offsets.hpp"

    .text
    .globl enclavisor_function_start
enclavisor_function_start:
    begin_ring3 enclavisor_stack_top, enclavisor_thread_area
    call enclavisor_function_begin
    ud2

// long enclavisor_freeze(Birth* birth, char* io_window): 0 in an instance, when its
// first call has come; a CallError in the enclave itself.
//
// The kernel lets an instance sleep until its slot's `events` is not 0, which is as if it
// had announced a quiet sleep; its host knows that. Until the call is there an instance
// writes to no private page, and costs none: what the kernel told it stays in registers.
    .globl enclavisor_freeze
enclavisor_freeze:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    movq %rsi, %r12
    movl $FREEZE_PARKED, %edi
    movl $SLOT_EVENTS, %esi
    movl $CALL_FREEZE, %eax
    syscall
    testq %rax, %rax
    jnz 4f
    movq %rdx, %rbx                 // random bits
    movq %r8, %rbp
    movq %r9, %r14
    movq %r10, %r15
    movq %rdi, %r8                  // handle
    movq %rsi, %r9                  // offset of the slot
    leaq (%r12,%r9), %r13           // the slot
1:  movl SLOT_EVENTS(%r13), %edi
    cmpl $0, SLOT_FIRST_TURN(%r13)
    jne 3f
    movl $WAITS_QUIETLY, SLOT_ENCLAVE_WAITS(%r13)
    mfence
    cmpl $0, SLOT_FIRST_TURN(%r13)
    jne 2f
    xorl %esi, %esi                 // no deadline
    leaq SLOT_EVENTS(%r9), %rdx
    movl $WAIT_QUIET, %r10d
    movl $CALL_WAIT_IO, %eax
    syscall
2:  movl $0, SLOT_ENCLAVE_WAITS(%r13)
    jmp 1b
3:  movq (%rsp), %rdi
    movq %r8, BIRTH_HANDLE(%rdi)
    movq %r9, BIRTH_OFFSET(%rdi)
    movq %rbx, BIRTH_SEED(%rdi)
    movq %rbp, BIRTH_SEED+8(%rdi)
    movq %r14, BIRTH_SEED+16(%rdi)
    movq %r15, BIRTH_SEED+24(%rdi)
    xorl %eax, %eax
4:  popq %rdi
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .section .enclavisor_state, "aw", @progbits
    .balign 16
enclavisor_thread_area:
    .skip 64
    .section .note.GNU-stack, "", @progbits
