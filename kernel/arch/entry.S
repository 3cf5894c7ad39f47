// Every way into and out of ring 0.
//
// A thread's registers are kept in its Thread object: the first interrupt stack of
// the TSS and PER_CPU_FRAME_END point to the end of its Registers, so what the processor
// and these stubs push lands there. C++ then runs on the vCPU's own stack and
// never returns here: it leaves through return_by_interrupt or return_by_sysret.
//
// The hypervisor can inject any vector at any instruction, also before RSP or the GS base
// is the kernel's. So every gate has an interrupt stack, and what comes in ring 0 where
// nothing can come ends the machine without having used either.
#include "kernel/arch/frame.inc"

    .text

// --- syscall -------------------------------------------------------------
// RCX = return address, R11 = RFLAGS, everything else the caller's, its stack
// included. SFMASK has cleared IF, DF, TF, AC and NT.
    .globl syscall_entry
    .balign 64
syscall_entry:
    swapgs
    movq %rsp, %gs:PER_CPU_SCRATCH
    movq %rcx, %rsp
    subq %gs:PER_CPU_RUNTIME_BEGIN, %rsp
    cmpq %gs:PER_CPU_RUNTIME_SIZE, %rsp
    jae bounce
    movq %gs:PER_CPU_FRAME_END, %rsp
    pushq $SELECTOR_USER_DATA
    pushq %gs:PER_CPU_SCRATCH
    pushq %r11
    pushq $SELECTOR_USER_CODE
    pushq %rcx
    pushq $0                    // error
    pushq $-1                   // vector: none
    call save_general           // (pushes; returns with RSP on the CPU's stack)
    call on_kernel_call
    ud2

// The program of an enclave with a runtime: back to ring 3, to the runtime's
// entry, without touching memory other than the thread block.
bounce:
    movq %gs:PER_CPU_BLOCK, %rsp
    movq %rcx, (%rsp)           // ThreadBlock::program_rip
    movq %gs:PER_CPU_SYSCALL_ENTRY, %rcx
    movq %gs:PER_CPU_SCRATCH, %rsp
    swapgs
    sysretq

// Pushes the general registers below vector and error, and moves to the CPU's
// stack. RDI = the finished Registers. The return address is at the top of
// the frame when called, so it travels through the scratch word.
save_general:
    popq %gs:PER_CPU_SCRATCH
    PUSH_GENERAL
    movq %rsp, %rdi
    movq %gs:PER_CPU_STACK_TOP, %rsp
    cld
    xorl %ebp, %ebp
    jmpq *%gs:PER_CPU_SCRATCH

// --- exceptions and interrupts -------------------------------------------
trap_common:
    testb $3, 24(%rsp)
    jz trap_in_kernel
    swapgs
    lfence                      // no speculation with the other GS base (CVE-2019-1125)
    .globl trap_from_user       // simulation/entry.S
trap_from_user:
    clac
    call save_general
    call on_trap
    ud2

// The kernel runs with interrupts off but for the halt of the idle loop, which
// is never resumed: an interrupt there just starts the idle CPU's work afresh.
    .globl trap_in_kernel       // simulation/entry.S
trap_in_kernel:
    clac
    cld
    xorl %ebp, %ebp
    cmpq $halting, 16(%rsp)     // the saved RIP
    je 1f
    cmpq $halted, 16(%rsp)
    jne stop_machine
1:  movq %rsp, %rdi             // KernelTrap
    movq %gs:PER_CPU_STACK_TOP, %rsp
    call on_idle_trap
    ud2

// A bug of the kernel, or injected: not to be told apart, and nothing goes on. RSP =
// KernelTrap. Whose GS base is loaded nobody knows; the stack is for the vCPU that comes first.
stop_machine:
    clac
    cld
    movq %rsp, %rdi
    lock btsl $0, stopping(%rip)
    jc 1f
    movq $stop_stack_end, %rsp
    // The GS base may be ring 3's; whose vCPU this is, its descriptor table tells.
    sgdt -16(%rsp)
    movq -14(%rsp), %rax
    subq $PER_CPU_GDT, %rax
    movq %rax, %rdx
    shrq $32, %rdx
    movl $0xc0000101, %ecx      // GS base
    wrmsr
    xorl %ebp, %ebp
    call on_kernel_trap
1:  hlt
    jmp 1b

// The beginning of a handler that may be entered anywhere in ring 0, on a stack of its
// own: drops an error code that only an injected event has, and ends the machine if
// it interrupts such a handler, whose stack it may have overwritten.
.macro OWN_STACK vector
    testb $8, %spl
    jnz 1f
    addq $8, %rsp
1:  testb $3, 8(%rsp)
    jnz 2f
    cmpq $own_stacks_begin, (%rsp)
    jb 2f
    cmpq $own_stacks_end, (%rsp)
    jae 2f
    pushq $0
    pushq $\vector
    jmp stop_machine
2:
.endm

own_stacks_begin:

// A debug exception may be pending when `syscall` or an interrupt enters the kernel. In
// the kernel they are dropped.
    .globl debug_entry
debug_entry:
    OWN_STACK 1
    testb $3, 8(%rsp)
    jnz 1f
    pushq %rax
    xorl %eax, %eax
    movq %rax, %dr6
    popq %rax
    andq $~0x100, 16(%rsp)
    iretq
1:  MOVE_TO_FRAME 1

// Non-maskable interrupts carry nothing that we use; a hostile hypervisor may
// send any number of them.
    .globl ignore_entry
ignore_entry:
    OWN_STACK 2
    iretq

own_stacks_end:

// One stub of 32 bytes for each vector. Whether the processor pushed an error
// code is seen from the stack, which it aligns to 16 bytes before it pushes five or
// six words (APM2 8.9.3), and not from the vector: a hostile hypervisor may inject
// any vector either way.
    .globl trap_stubs
    .balign 32
trap_stubs:
    vector = 0
    .rept 256
    .balign 32
    testb $8, %spl
    jz 1f
    pushq $0
1:  pushq $vector
    jmp trap_common
    vector = vector + 1
    .endr

// --- back to ring 3 ------------------------------------------------------
// RDI = Registers, checked: RIP below kEnclaveEnd, user selectors and flags.
    .globl return_by_interrupt
return_by_interrupt:
    movq %rdi, %rsp
    POP_GENERAL
    addq $16, %rsp
    swapgs
    iretq

// After a kernel call: RCX and R11 are the caller's loss.
    .globl return_by_sysret
return_by_sysret:
    movq %rdi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    addq $8, %rsp
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    addq $8, %rsp
    popq %rbx
    popq %rax
    movq 16(%rsp), %rcx         // rip
    movq 32(%rsp), %r11         // rflags
    movq 40(%rsp), %rsp
    swapgs
    sysretq

// A started vCPU, in 64-bit mode on the boot tables (boot.S).
    .globl ap_entry
ap_entry:
    // Taken at once: two that come at a time must not both begin on one stack.
    xorl %eax, %eax
    xchgq %rax, ap_start(%rip)          // the kernel's tables
    testq %rax, %rax
    jz 1f
    movq %rax, %cr3
    movq ap_start + 8(%rip), %rsp
    movq ap_start + 16(%rip), %rdi
    xorl %ebp, %ebp
    call ap_main
1:  hlt
    jmp 1b

    .globl halt_until_interrupt
halt_until_interrupt:
    sti
halting:                        // an interrupt may find RIP here or behind `hlt`
    hlt
halted:
    cli                         // only reached if an interrupt was ignored
    ret

    .bss
    .balign 16
    .skip 4096
stop_stack_end:
stopping:
    .skip 4

    .section .note.GNU-stack, "", @progbits
