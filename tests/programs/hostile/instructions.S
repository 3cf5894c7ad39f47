// Instructions that ring 3 may not execute, or may but which try to leave the
// kernel a state that it does not expect.
#include "tests/programs/hostile/hostile.inc"

.text

.macro ATTEMPT name, code:vararg
CASE \name
    \code
    ESCAPED
.endm

ATTEMPT hlt, hlt
ATTEMPT cli, cli
ATTEMPT sti, sti
ATTEMPT in_byte, in $0x60, %al
ATTEMPT out_byte, out %al, $0x80

CASE out_serial
    movw $0x3f8, %dx
    outb %al, %dx
    ESCAPED

CASE in_pci
    movw $0xcf8, %dx
    inl %dx, %eax
    ESCAPED

CASE out_reset
    movw $0xcf9, %dx
    movb $6, %al
    outb %al, %dx
    ESCAPED

CASE ins
    lea stack_top-64(%rip), %rdi
    insb
    ESCAPED

CASE outs
    lea stack_top-64(%rip), %rsi
    outsb
    ESCAPED

ATTEMPT lgdt, lgdt stack_top-64(%rip)
ATTEMPT lidt, lidt stack_top-64(%rip)
ATTEMPT lldt, lldt %ax

CASE ltr
    mov $0x30, %ax
    ltr %ax
    ESCAPED

ATTEMPT lmsw, lmsw %ax
ATTEMPT read_cr0, mov %cr0, %rax
ATTEMPT read_cr2, mov %cr2, %rax
ATTEMPT read_cr3, mov %cr3, %rax
ATTEMPT read_cr4, mov %cr4, %rax
ATTEMPT read_cr8, mov %cr8, %rax
ATTEMPT write_cr0, mov %rax, %cr0
ATTEMPT write_cr3, mov %rax, %cr3
ATTEMPT write_cr4, mov %rax, %cr4
ATTEMPT write_cr8, mov %rax, %cr8
ATTEMPT read_dr0, mov %db0, %rax
ATTEMPT write_dr7, mov %rax, %db7

CASE rdmsr_efer
    mov $0xc0000080, %ecx
    rdmsr
    ESCAPED

CASE wrmsr_lstar
    mov $0xc0000082, %ecx
    wrmsr
    ESCAPED

CASE wrmsr_efer
    mov $0xc0000080, %ecx
    wrmsr
    ESCAPED

CASE wrmsr_kernel_gs
    mov $0xc0000102, %ecx
    wrmsr
    ESCAPED

ATTEMPT invlpg, invlpg (%rsp)
ATTEMPT invd, invd
ATTEMPT wbinvd, wbinvd
ATTEMPT clts, clts
ATTEMPT swapgs, swapgs

CASE sysretq
    mov $0x400000, %ecx
    sysretq
    ESCAPED

CASE sysretl
    mov $0x400000, %ecx
    sysretl
    ESCAPED

ATTEMPT sysexit, sysexitl
ATTEMPT sysenter, sysenter

CASE monitor
    lea stack_top-64(%rip), %rax
    monitor
    ESCAPED

ATTEMPT mwait, mwait

CASE xsetbv
    xor %ecx, %ecx
    mov $1, %eax
    xor %edx, %edx
    xsetbv
    ESCAPED

CASE xsetbv_reserved
    mov $9, %ecx
    xsetbv
    ESCAPED

ATTEMPT vmmcall, vmmcall
ATTEMPT vmcall, vmcall
ATTEMPT vmrun, vmrun
ATTEMPT vmload, vmload
ATTEMPT clgi, clgi
ATTEMPT stgi, stgi
ATTEMPT skinit, skinit
ATTEMPT rdpmc, rdpmc
ATTEMPT sgdt, sgdt stack_top-64(%rip)
ATTEMPT sidt, sidt stack_top-64(%rip)
ATTEMPT sldt, sldt %eax
ATTEMPT str, str %eax
ATTEMPT smsw, smsw %eax
ATTEMPT stac, stac
ATTEMPT clac, clac
ATTEMPT ud2, ud2
ATTEMPT icebp, .byte 0xf1
ATTEMPT lock_on_nop, .byte 0xf0, 0x90
ATTEMPT rsm, rsm
ATTEMPT getsec, .byte 0x0f, 0x37
ATTEMPT bad_opcode, .byte 0x06
ATTEMPT invpcid, invpcid (%rsp), %rax

CASE vmgexit
    rep
    vmmcall
    ESCAPED

ATTEMPT pvalidate, .byte 0xf2, 0x0f, 0x01, 0xff
ATTEMPT rmpadjust, .byte 0xf3, 0x0f, 0x01, 0xfe

CASE instruction_too_long
    .fill 15, 1, 0x66
    nop
    ESCAPED

CASE divide
    xor %ecx, %ecx
    mov $1, %eax
    xor %edx, %edx
    div %ecx
    ESCAPED

CASE divide_overflow
    movabs $0x8000000000000000, %rax
    cqo
    mov $-1, %rcx
    idiv %rcx
    ESCAPED

CASE x87_exception
    fninit
    push $0x0340
    fldcw (%rsp)
    fldz
    fld1
    fdivp
    fwait
    ESCAPED

CASE simd_exception
    push $0x0000
    ldmxcsr (%rsp)
    xorps %xmm0, %xmm0
    xorps %xmm1, %xmm1
    divss %xmm0, %xmm1
    EXIT 0

CASE bad_mxcsr
    push $-1
    ldmxcsr (%rsp)
    EXIT 0

CASE bad_xrstor
    lea scratch_area+63(%rip), %rdi
    and $-64, %rdi
    movq $-1, 512(%rdi)
    mov $7, %eax
    xor %edx, %edx
    xrstor (%rdi)
    ESCAPED

CASE misaligned_sse
    movaps scratch_area+1(%rip), %xmm0
    ESCAPED

CASE misaligned_avx
    vmovdqa scratch_area+1(%rip), %ymm0
    ESCAPED

CASE int3
    int3
    ESCAPED

// `int n` for every n: 16 bytes each, the test starts at case_int_table + 16 n.
    .balign 16
    .globl case_int_table
case_int_table:
.set n, 0
.rept 256
    .balign 16
    .byte 0xcd, n
    jmp escaped_far
    .set n, n + 1
.endr
    .balign 16
escaped_far:
    ESCAPED

// --- Flags ----------------------------------------------------------------

.macro WITH_FLAGS name, flags
CASE \name
    pushf
    orq $\flags, (%rsp)
    popf
    mov $K_NOTHING, %eax
    syscall
    mov $K_YIELD, %eax
    syscall
    pushf
    popf
    EXIT 0
.endm

WITH_FLAGS nested_task_flag, 0x4000
WITH_FLAGS direction_flag, 0x400
WITH_FLAGS alignment_check_flag, 0x40000
WITH_FLAGS trap_flag, 0x100
WITH_FLAGS id_and_overflow_flags, 0x200800

CASE nested_task_fault
    pushf
    orq $0x4400, (%rsp)
    popf
    ud2

CASE io_privilege_flag
    pushf
    orq $0x3000, (%rsp)
    popf
    cli
    ESCAPED

CASE interrupt_flag_off
    pushf
    andq $~0x200, (%rsp)
    popf
1:  jmp 1b

CASE alignment_check
    pushf
    orq $0x40000, (%rsp)
    popf
    mov scratch_area+1(%rip), %eax
    EXIT 0

// --- Segments -------------------------------------------------------------


CASE load_kernel_ds
    mov $0x10, %eax
    mov %eax, %ds
    ESCAPED

CASE load_kernel_ss
    mov $0x10, %eax
    mov %eax, %ss
    ESCAPED

CASE load_kernel_fs
    mov $0x10, %eax
    mov %eax, %fs
    ESCAPED

CASE load_code_as_ss
    mov $0x2b, %eax
    mov %eax, %ss
    ESCAPED

CASE load_null_ss
    xor %eax, %eax
    mov %eax, %ss
    ESCAPED

CASE load_beyond_gdt
    mov $0xfffb, %eax
    mov %eax, %es
    ESCAPED

CASE load_user_gs
    mov $0x23, %eax
    mov %eax, %gs
    mov %eax, %fs
    mov %eax, %ds
    mov %eax, %es
    mov $K_NOTHING, %eax
    syscall
    EXIT 0

CASE load_null_gs
    xor %eax, %eax
    mov %eax, %gs
    mov %eax, %fs
    mov %eax, %ds
    mov $K_YIELD, %eax
    syscall
    EXIT 0

CASE gs_base_kernel
    movabs $0xffffffff80000000, %rax
    wrgsbase %rax
    wrfsbase %rax
    mov $K_NOTHING, %eax
    syscall
    mov $K_YIELD, %eax
    syscall
    EXIT 0

CASE gs_base_kernel_fault
    movabs $0xffffffff80000000, %rax
    wrgsbase %rax
    ud2

CASE gs_base_kernel_read
    movabs $0xffff800000000000, %rax
    wrgsbase %rax
    mov %gs:0, %rax
    ESCAPED

CASE gs_base_noncanonical
    movabs $0x800000000000, %rax
    wrgsbase %rax
    EXIT 0

CASE fs_base_noncanonical
    movabs $0x7fffffffffffffff, %rax
    wrfsbase %rax
    EXIT 0

// GS attack while interrupts come in: no kernel path may trust GS.
CASE gs_base_loop
    movabs $0xffffffff80000000, %rax
    wrgsbase %rax
    mov $3000000, %ecx
1:  dec %ecx
    jnz 1b
    EXIT 0

.bss
    .balign 64
scratch_area:
    .skip 4096

.section .note.GNU-stack, "", @progbits
