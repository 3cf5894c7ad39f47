// Ways to go, or to make the kernel return, where nobody should be.
#include "tests/programs/hostile/hostile.inc"

.text

CASE noncanonical_jump
    movabs $0x800000000000, %rax
    jmp *%rax

CASE noncanonical_call
    movabs $0xffff7fffffffffff, %rax
    call *%rax

CASE noncanonical_return
    movabs $0x8000000000000000, %rax
    push %rax
    ret

CASE noncanonical_stack_push
    movabs $0x800000001000, %rsp
    push %rax
    ESCAPED

CASE noncanonical_stack_call
    movabs $0x8000000000000000, %rsp
    mov $K_NOTHING, %eax
    syscall
    mov $K_YIELD, %eax
    syscall
    EXIT 0

CASE noncanonical_stack_fault
    movabs $0x8000000000000000, %rsp
    ud2

CASE kernel_stack_fault
    movabs $0xffffffff80001000, %rsp
    ud2

CASE kernel_stack_call
    movabs $0xffff800000001000, %rsp
    mov $K_NOTHING, %eax
    syscall
    EXIT 0

// The sysret corner: a `syscall` whose return address is the end of what an
// enclave may own. The fetch after it must fault in ring 3.
CASE syscall_at_the_top
    mov $K_MAP, %eax
    movabs $0x7ffffffef000, %rdi
    mov $1, %esi
    mov $3, %edx
    syscall
    movabs $0x7ffffffefffe, %rbx
    movw $0x050f, (%rbx)
    mov $K_PROTECT, %eax
    movabs $0x7ffffffef000, %rdi
    mov $1, %esi
    mov $5, %edx
    syscall
    mov $K_NOTHING, %eax
    jmp *%rbx

.macro RETURN_TO name, cs, ip, flags, sp, ss
CASE \name
    push $\ss
    movabs $\sp, %rax
    push %rax
    push $\flags
    push $\cs
    movabs $\ip, %rax
    push %rax
    iretq
.endm

RETURN_TO iret_ring0, 0x08, 0x400000, 0x202, 0x400000, 0x10
RETURN_TO iret_ring0_stack, 0x2b, 0x400000, 0x202, 0x400000, 0x10
RETURN_TO iret_noncanonical, 0x2b, 0x800000000000, 0x202, 0x400000, 0x23
RETURN_TO iret_kernel, 0x2b, 0xffffffff80000000, 0x202, 0x400000, 0x23
RETURN_TO iret_null, 0x0, 0x400000, 0x202, 0x400000, 0x0
RETURN_TO iret_beyond_gdt, 0xfffb, 0x400000, 0x202, 0x400000, 0x23
RETURN_TO iret_ring1, 0x29, 0x400000, 0x202, 0x400000, 0x21
// Allowed for the processor; the stack is bad and the code ends at once.
RETURN_TO iret_io_privilege, 0x2b, lone_cli, 0x3202, 0x8000000000000000, 0x23

lone_cli:
    cli
    ESCAPED

CASE far_return_ring0
    push $0x08
    lea escaped(%rip), %rax
    push %rax
    lretq

CASE far_return_to_32_bit
    push $0x1b
    lea compatibility(%rip), %rax
    push %rax
    lretq

CASE far_return_to_32_bit_syscall
    push $0x1b
    lea compatibility_syscall(%rip), %rax
    push %rax
    lretq

CASE far_jump_ring0
    movl $0x400000, -16(%rsp)
    movw $0x08, -12(%rsp)
    ljmp *-16(%rsp)

CASE far_call_ring0
    movl $0x400000, -16(%rsp)
    movw $0x08, -12(%rsp)
    lcall *-16(%rsp)

CASE far_call_tss
    movl $0, -16(%rsp)
    movw $0x30, -12(%rsp)
    lcall *-16(%rsp)

escaped:
    ESCAPED

.code32
compatibility:
    ud2
compatibility_syscall:
    xorl %eax, %eax
    syscall
    ud2
.code64

// --- Never ending ---------------------------------------------------------

CASE tight_loop
1:  jmp 1b

CASE call_loop
1:  mov $K_NOTHING, %eax
    syscall
    jmp 1b

CASE yield_loop
1:  mov $K_YIELD, %eax
    syscall
    jmp 1b

CASE doorbell_loop
1:  mov $K_DOORBELL, %eax
    syscall
    jmp 1b

CASE map_loop
1:  mov $K_MAP, %eax
    mov $0x10000000, %edi
    mov $16, %esi
    mov $3, %edx
    syscall
    movb $1, 0x10000000
    mov $K_UNMAP, %eax
    mov $0x10000000, %edi
    mov $16, %esi
    syscall
    jmp 1b

CASE wait_for_ever
    mov $K_WAIT, %eax
    lea parameters(%rip), %rdi
    xor %esi, %esi
    xor %edx, %edx
    syscall
    EXIT 5

CASE wait_io_for_ever
1:  mov $K_WAIT_IO, %eax
    xor %edi, %edi
    xor %esi, %esi
    mov $64, %edx           // IoHeader::completed
    xor %r10d, %r10d
    syscall
    jmp 1b

CASE string_loop
1:  xor %eax, %eax
    lea parameters(%rip), %rdi
    mov $64, %ecx
    rep stosq
    jmp 1b

.section .note.GNU-stack, "", @progbits
