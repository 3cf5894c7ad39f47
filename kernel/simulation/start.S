// A vCPU that the kernel created begins as its VMSA says: the processor's part of it, after the boot code
// has brought the vCPU to 64-bit mode. What is loaded is what the carrier read and checked (sim/vcpu_start.hpp);
// segments stay the boot's. abi::SimRequest::start, whose offsets instructions.cpp asserts.
#include "kernel/boot/pages.hpp"
#include "kernel/simulation/offsets.hpp"

    .text
    .globl simulated_start
simulated_start:
    movl $1, %eax
    cpuid
    shrl $24, %ebx              // the local APIC's ID, which names the page
    shll $12, %ebx
    movabsq $(BOOT_SHARED + SIM_REQUEST_PHYS + SIM_START), %rdi
    addq %rbx, %rdi
    movq SIM_START_RIP(%rdi), %rbp
    testq %rbp, %rbp
    jz ap_entry                 // not created: it goes on in the state that was launched
    movq SIM_START_RSP(%rdi), %rsp
    movq SIM_START_CR0(%rdi), %r8
    movq SIM_START_CR3(%rdi), %r9
    movq SIM_START_CR4(%rdi), %r10
    lgdt SIM_START_GDT(%rdi)
    lidt SIM_START_IDT(%rdi)
    movl SIM_START_EFER(%rdi), %eax
    xorl %edx, %edx
    movl $0xc0000080, %ecx
    wrmsr
    movl SIM_START_PAT(%rdi), %eax
    movl SIM_START_PAT + 4(%rdi), %edx
    movl $0x277, %ecx
    wrmsr
    movq SIM_START_DR6(%rdi), %rax
    movq %rax, %dr6
    movq SIM_START_DR7(%rdi), %rax
    movq %rax, %dr7
    movq %r10, %cr4
    movq %r9, %cr3              // the request page is gone; this text is not
    movq %r8, %cr0
    jmpq *%rbp

    .section .note.GNU-stack, "", @progbits
