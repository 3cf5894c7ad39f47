// Memory that is not the enclave's, or is not there for this kind of access.
#include "tests/programs/hostile/hostile.inc"

.text

CASE read_parameter
    mov parameters(%rip), %rax
    mov (%rax), %rbx
    ESCAPED

CASE write_parameter
    mov parameters(%rip), %rax
    movq $0, (%rax)
    ESCAPED

CASE locked_write_parameter
    mov parameters(%rip), %rax
    lock incq (%rax)
    ESCAPED

CASE execute_parameter
    mov parameters(%rip), %rax
    jmp *%rax

CASE string_copy_parameter
    mov parameters(%rip), %rsi
    lea scratch(%rip), %rdi
    mov $512, %ecx
    rep movsq
    ESCAPED

CASE execute_data
    lea code_in_data(%rip), %rax
    jmp *%rax

CASE execute_stack
    movabs $0x9090909090909090, %rax
    push %rax
    jmp *%rsp

CASE execute_io_area
    mov %gs:0x10, %rax
    movq $0x0b0f, 8192(%rax)
    add $8192, %rax
    jmp *%rax

CASE execute_thread_block
    mov %gs:8, %rax
    add $0x800, %rax
    jmp *%rax

CASE read_past_io_area
    mov %gs:0x10, %rax
    add %gs:0x18, %rax
    mov (%rax), %rbx
    ESCAPED

CASE read_before_io_area
    mov %gs:0x10, %rax
    mov -8(%rax), %rbx
    ESCAPED

CASE write_past_thread_block
    mov %gs:8, %rax
    movq $1, 4096(%rax)
    ESCAPED

CASE write_text
    lea case_write_text(%rip), %rax
    movb $0xcc, (%rax)
    ESCAPED

CASE write_read_only
    lea read_only(%rip), %rax
    movq $1, (%rax)
    ESCAPED

// Between the data and the stack the link script leaves a hole.
CASE stack_overflow
1:  push %rax
    jmp 1b

CASE stack_at_zero
    xor %esp, %esp
    push %rax
    ESCAPED

CASE null_read
    xor %eax, %eax
    mov (%rax), %rbx
    ESCAPED

CASE null_write
    xor %eax, %eax
    mov %rbx, (%rax)
    ESCAPED

CASE null_execute
    xor %eax, %eax
    jmp *%rax

CASE noncanonical_read
    movabs $0x8000000000000000, %rax
    mov (%rax), %rbx
    ESCAPED

CASE gs_beyond_the_block
    mov %gs:0x7fffffff, %rax
    ESCAPED

// Takes memory until the enclave's limit ends it, one page after the other.
CASE memory_hog
    movabs $0x100000000, %r12
1:  mov $K_MAP, %eax
    mov %r12, %rdi
    mov $64, %esi
    mov $3, %edx
    syscall
    lea 0x40000(%r12), %r13
2:  movb $1, (%r12)
    add $4096, %r12
    cmp %r13, %r12
    jb 2b
    jmp 1b

// Maps 4 MiB and looks for what another enclave left there.
CASE find_leftovers
    movabs $0x100000000, %r12
    mov $K_MAP, %eax
    mov %r12, %rdi
    mov $1024, %esi
    mov $3, %edx
    syscall
    cmp $1024, %rax
    jne 2f
    mov $0x80000, %ecx
    mov %r12, %rdi
    xor %eax, %eax
    repe scasq
    jne 1f
    EXIT 0
1:  ESCAPED
2:  EXIT 3

// The same with one page in each GiB, so that page tables are what is taken.
CASE page_table_hog
    movabs $0x100000000, %r12
1:  mov $K_MAP, %eax
    mov %r12, %rdi
    mov $1, %esi
    mov $3, %edx
    syscall
    test %rax, %rax
    js 2f
    movb $1, (%r12)
    movabs $0x40000000, %rax
    add %rax, %r12
    movabs $0x7e0000000000, %rax
    cmp %rax, %r12
    jb 1b
    ESCAPED
2:  EXIT 3

// Reserves the whole address space without touching it; ends well or not, but
// the kernel neither stalls nor pays for it.
CASE reserve_everything
    movabs $0x100000000, %r12
1:  mov $K_MAP, %eax
    mov %r12, %rdi
    movabs $0x1000000, %rsi
    mov $3, %edx
    syscall
    test %rax, %rax
    jle 2f
    shl $12, %rax
    add %rax, %r12
    movabs $0x7e0000000000, %rax
    cmp %rax, %r12
    jb 1b
2:  EXIT 0

.section .rodata
    .balign 8
read_only:
    .quad 0

.data
    .balign 8
    .globl parameters
parameters:
    .fill 64, 8, 0
code_in_data:
    nop
    ud2

.bss
    .balign 4096
scratch:
    .skip 8192

.section .stack, "aw", @nobits
    .balign 4096
    .skip 16384
    .globl stack_top
stack_top:

.section .note.GNU-stack, "", @progbits
