// Kernel calls with arguments that the test chooses (abi/enclave/calls.hpp).
#include "tests/programs/hostile/hostile.inc"

.text

// One call: number and six arguments from `parameters`. When it returns, the
// status is 33 and the result stands in `detail`.
CASE call_parameters
    mov parameters(%rip), %rax
    mov parameters+8(%rip), %rdi
    mov parameters+16(%rip), %rsi
    mov parameters+24(%rip), %rdx
    mov parameters+32(%rip), %r10
    mov parameters+40(%rip), %r8
    mov parameters+48(%rip), %r9
    syscall
    mov %rax, %rdx
    mov $K_EXIT, %eax
    mov $REASON_EXITED, %edi
    mov $33, %esi
    xor %r10d, %r10d
    syscall
    ud2

// kResume with the 22 registers in `parameters` (struct Registers).
CASE resume_parameters
    lea parameters(%rip), %rsi
    mov %gs:8, %rdi
    add $0x200, %rdi
    mov $22, %ecx
    rep movsq
    mov $K_RESUME, %eax
    syscall
    ESCAPED

// Where a resumed context that the kernel accepts arrives: says so, and shows
// that its flags gave it nothing.
    .balign 16
    .globl resumed
resumed:
    lea stack_top(%rip), %rsp
    pushf
    pop %rdx
    mov $K_EXIT, %eax
    mov $REASON_EXITED, %edi
    mov $44, %esi
    mov %cs, %r10d
    syscall
    ud2

// Garbage in every word of the thread block that the enclave can write.
CASE garbage_in_thread_block
    mov %gs:8, %rdi
    mov $512, %ecx
    mov $-1, %rax
    rep stosq
    mov $K_NOTHING, %eax
    syscall
    mov $K_YIELD, %eax
    syscall
    ud2

CASE unmap_thread_block
    mov %gs:8, %r12
    mov $K_UNMAP, %eax
    mov %r12, %rdi
    mov $1, %esi
    syscall
    mov $K_NOTHING, %eax
    syscall
    ud2

CASE replace_thread_block
    mov %gs:8, %r12
    mov $K_MAP, %eax
    mov %r12, %rdi
    mov $1, %esi
    mov $1, %edx
    syscall
    mov $K_RESUME, %eax
    syscall
    ud2

CASE unmap_io_area
    mov %gs:0x10, %r12
    mov $K_UNMAP, %eax
    mov %r12, %rdi
    mov $65, %esi
    syscall
    mov $K_DOORBELL, %eax
    syscall
    mov $K_WAIT_IO, %eax
    xor %edi, %edi
    mov $1, %esi
    syscall
    EXIT 0

CASE unmap_everything
    mov $K_UNMAP, %eax
    mov $0x10000, %edi
    movabs $0x7fffffff0, %rsi
    sub $0x10, %rsi
    syscall
    ud2

CASE execute_io_by_protect
    mov $K_PROTECT, %eax
    mov %gs:0x10, %rdi
    mov $1, %esi
    mov $5, %edx
    syscall
    mov %gs:0x10, %rax
    add $64, %rax
    jmp *%rax

.section .note.GNU-stack, "", @progbits
