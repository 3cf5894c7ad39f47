// From the reset vector to 64-bit C++ (APM2 14: initialisation and mode
// switches). Runs in the ROM and uses no stack before the kernel's own; its
// page tables are part of the ROM, with the accessed and dirty bits set so that
// the processor never writes to them.
//
// The kernel is copied and run through mappings that carry the C-bit. Models know its position
// (PLATFORM_C_BIT; 0: there is none). AMD's processors have had it at 47 and at 51; which it is, is
// found as PLATFORM_FIND_C_BIT says, and believed when memory that was written before paging, private
// then, reads the same through it.

#include "kernel/boot/pages.hpp"

#define FIND_NONE 0
#define FIND_BY_CPUID 1     // SEV
#define FIND_BY_MSR 2       // SEV-ES: the GHCB's MSR protocol (abi/platform/ghcb.hpp)
#define FIND_IN_PAGE 3      // SEV-SNP: the CPUID page (abi/platform/snp_pages.hpp)
#define GHCB_MSR 0xc0010130
#define ENCRYPTION_LEAF 0x8000001f

// Where a vCPU but the first goes on; a simulation may have to do the processor's part first.
#ifndef PLATFORM_AP_ENTRY
#define PLATFORM_AP_ENTRY ap_entry
#endif

#define PRESENT_WRITABLE 0x63   // present, writable, accessed, dirty
#define LARGE 0x80

// What QEMU and those who compute launch digests read at the image's end
// (abi/platform/firmware_table.hpp): backwards from 32 bytes before it. The SEV metadata stands
// before the table. tools/check_image.py compares both with the image.
#define TABLE_SIZE 88
    .section .boot.table, "a", @progbits
sev_metadata:
    .ascii "ASEV"
    .long sev_metadata_end - sev_metadata
    .long 1
    .long (sev_metadata_end - sev_metadata - 16) / 12
    .long SEV_SECRETS_PAGE, 4096, 2
    .long SEV_CPUID_PAGE, 4096, 3
    .long kernel_phys, kernel_size, 1   // all RAM that is touched before the kernel can accept more
sev_metadata_end:
    .org 256 - 32 - TABLE_SIZE
    .long 256 - (sev_metadata - .boot.table)
    .word 4 + 18
    .byte 0x66, 0x65, 0x88, 0xdc, 0x4a, 0x98, 0x98, 0x47, 0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc
    .long LAUNCH_SECRET_PAGE, 4096
    .word 8 + 18
    .byte 0x61, 0xb3, 0x2e, 0x4c, 0x9b, 0x7d, 0xc3, 0x4c, 0x80, 0x81, 0x12, 0x7c, 0x90, 0xd3, 0xd2, 0x94
    .long ap_reset16
    .word 4 + 18
    .byte 0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e
    .word TABLE_SIZE
    .byte 0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d
    .org 256 - 32

    .section .boot.reset, "ax", @progbits
    .code16
    .globl reset_vector
reset_vector:
    jmp start16
    .balign 16, 0x90

// The other vCPUs start at the beginning of the ROM's last page, with CS:IP =
// 0xff00:0 (arch/cpus.cpp), and join the boot processor's way. EBP tells them apart.
    .section .boot.ap, "ax", @progbits
    .code16
    .globl ap_start16
ap_start16:
    cli
    cld
    movl $1, %ebp
    movw $(gdt_register - 0xfffff000), %bx
    jmp load_gdt

    .section .boot.text, "ax", @progbits
    .code16
// Under SEV-ES and SEV-SNP the others start here instead, with CS's base 0xffff0000.
    .globl ap_reset16
ap_reset16:
    movl $1, %ebp
    jmp 1f
start16:
    xorl %ebp, %ebp
1:  cli
    cld
    movw $(gdt_register - 0xffff0000), %bx
load_gdt:
    lgdtl %cs:(%bx)
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $0x08, $start32

    .code32
start32:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss

#if PLATFORM_FIND_C_BIT == FIND_NONE || PLATFORM_FIND_C_BIT == FIND_BY_CPUID
    // Long mode, no-execute and 1 GiB pages (CPUID 0x80000001 EDX 29, 20, 26).
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb unfit
    movl $0x80000001, %eax
    cpuid
    andl $0x24100000, %edx
    cmpl $0x24100000, %edx
    jne unfit
#endif
#if PLATFORM_FIND_C_BIT == FIND_NONE
    movl $boot_pml4, %edi
    movl $PLATFORM_C_BIT, %ebx
#else
#if PLATFORM_FIND_C_BIT == FIND_BY_CPUID
    movl $0x80000000, %eax
    cpuid
    cmpl $ENCRYPTION_LEAF, %eax
    jb unfit
    movl $ENCRYPTION_LEAF, %eax
    cpuid
    testl $2, %eax              // SEV
    jz unfit
#elif PLATFORM_FIND_C_BIT == FIND_BY_MSR
    movl $GHCB_MSR, %ecx
    movl $ENCRYPTION_LEAF, %edx
    movl $0x40000004, %eax      // CPUID, EBX
    wrmsr
    vmgexit
    rdmsr
    cmpw $0x005, %ax
    jne unfit
    movl %edx, %ebx
#elif PLATFORM_FIND_C_BIT == FIND_IN_PAGE
    movl $(SEV_CPUID_PAGE + 16), %esi
    movl SEV_CPUID_PAGE, %ecx
    cmpl $64, %ecx
    ja unfit
    jecxz unfit
1:  cmpl $ENCRYPTION_LEAF, (%esi)
    je 2f
    addl $48, %esi
    loop 1b
    jmp unfit
2:  movl 28(%esi), %ebx
#endif
    andl $0x3f, %ebx
    movl $boot_pml4_51, %edi
    cmpl $51, %ebx
    je 1f
    movl $boot_pml4_47, %edi
    cmpl $47, %ebx
    jne unfit
1:  rdrand %esp                 // there is no stack yet
    jnc 1b
    movl %esp, c_bit_probe - KERNEL_BASE
#endif

    movl %cr4, %eax
    orl $0x20, %eax             // PAE
    movl %eax, %cr4
    movl %edi, %cr3
    movl $0xc0000080, %ecx      // EFER
    rdmsr
    orl $0x900, %eax            // LME, NXE
    wrmsr
    movl %cr0, %eax
    orl $0x80010000, %eax       // PG, WP
    andl $0x9fffffff, %eax      // caches on
    movl %eax, %cr0
    ljmpl $0x18, $start64

unfit:
#if PLATFORM_FIND_C_BIT == FIND_BY_MSR || PLATFORM_FIND_C_BIT == FIND_IN_PAGE
    // No port may be used yet: the end of the VM is asked for (56421, 2.3.1).
    movl $GHCB_MSR, %ecx
    xorl %edx, %edx
    movl $0x0000e100, %eax      // reason set 14, code 0
    wrmsr
    vmgexit
#else
    movl $unfit_message, %esi
1:  lodsb
    testb %al, %al
    jz 2f
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 1b
#endif
2:  hlt
    jmp 2b

    .code64
start64:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
#if PLATFORM_FIND_C_BIT != FIND_NONE
    movabsq $(DIRECT_BASE - KERNEL_BASE + c_bit_probe), %rax
    cmpl %esp, (%rax)
1:  jne 1b                      // the hypervisor named another bit; nothing private was touched yet
#endif
    testl %ebp, %ebp
    jz 1f
    movq $PLATFORM_AP_ENTRY, %rax
    jmp *%rax
1:  movq $kernel_begin, %rdi
    movl $kernel_load, %esi
    movl $kernel_load_size, %ecx
    shrl $3, %ecx
    rep movsq
    movl $bss_size, %ecx
    shrl $3, %ecx
    rep stosq
    movq $boot_stack_end, %rsp
    xorl %ebp, %ebp
    movl %ebx, %edi
    movq $kernel_main, %rax
    call *%rax
    ud2

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    // 0x08: 32-bit code
    .quad 0x00cf93000000ffff    // 0x10: data
    .quad 0x00af9b000000ffff    // 0x18: 64-bit code
gdt_register:
    .word . - gdt - 1
    .long gdt
unfit_message:
    .asciz "panic: this CPU lacks long mode, no-execute or 1 GiB pages; use -cpu max or a CPU of the last ten years\n"

    .section .boot.tables, "a", @progbits
    .balign 4096
.macro four_gigabytes c_bit
    .set gigabyte, 0
    .rept 4
    .quad (gigabyte << 30) + PRESENT_WRITABLE + LARGE + \c_bit
    .set gigabyte, gigabyte + 1
    .endr
    .fill 508, 8, 0
.endm

// `root`, with `low` at 0, what is open to the host at BOOT_SHARED, what is private at kDirectBase, and
// the first GiB, the kernel's image in it, at -2 GiB.
.macro boot_tables root, low, c_bit
\root:
    .quad \low + PRESENT_WRITABLE
    .quad boot_shared + PRESENT_WRITABLE
    .fill 254, 8, 0
    .quad 1f + PRESENT_WRITABLE
    .fill 254, 8, 0
    .quad 2f + PRESENT_WRITABLE
1:
    four_gigabytes \c_bit
2:
    .fill 510, 8, 0
    .quad PRESENT_WRITABLE + LARGE + \c_bit
    .quad 0
.endm

boot_shared:
    four_gigabytes 0
#if PLATFORM_FIND_C_BIT == FIND_NONE && PLATFORM_C_BIT == 0
    boot_tables boot_pml4, boot_shared, 0
#elif PLATFORM_FIND_C_BIT == FIND_NONE
    // The ROM has no private alias.
    boot_tables boot_pml4, boot_shared, (1<<PLATFORM_C_BIT)
#else
    // The ROM is private memory.
    boot_tables boot_pml4_51, boot_pml4_51 + 4096, (1<<51)
    boot_tables boot_pml4_47, boot_pml4_47 + 4096, (1<<47)
    .section .bss.probe, "aw", @nobits
    .balign 8
c_bit_probe:
    .skip 8
#endif

    .section .bss.stack, "aw", @nobits
    .balign 4096
    .globl boot_stack_guard     // left unmapped (memory/kernel_map.cpp)
boot_stack_guard:
    .skip 4096
    .skip 16384
    .globl boot_stack_end
boot_stack_end:

    .section .note.GNU-stack, "", @progbits
