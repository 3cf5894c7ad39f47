// Ways into the runtime: its start, the program's `syscall`, an exception.
#include "runtime/entry/offsets.hpp"

    .text

// The kernel starts the thread here: GS base is the thread block, RSP is 0.
    .globl _start
_start:
    leaq syscall_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    movq %gs:BLOCK_SELF, %rdi
    call start_runtime
    ud2

// A `syscall` of the program: all registers are the program's but RCX (lost)
// and R11 (its RFLAGS). The frame is an abi::Registers on the runtime's stack.
    .globl enclavisor_syscall_entry
    .balign 64
enclavisor_syscall_entry:
    movq %rsp, %gs:BLOCK_PROGRAM_RSP
    movq %gs:BLOCK_SYSCALL_STACK, %rsp
    pushq $0x23                     // ss
    pushq %gs:BLOCK_PROGRAM_RSP
    pushq %r11
    pushq $0x2b                     // cs
    pushq %gs:BLOCK_PROGRAM_RIP
    pushq $0                        // error
    pushq %rax                      // in place of a vector: the number, once RAX is the result
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    leaq linux_call_table(%rip), %rcx
    cmpq $LINUX_CALL_LIMIT, %rax
    jae 2f
    call *(%rcx,%rax,8)
1:  movq %rax, REGISTERS_RAX(%rsp)
    cmpb $0, %gs:BLOCK_WORK
    jne 3f
    .globl return_to_program
return_to_program:                  // RSP points to a frame
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    movq 16(%rsp), %rcx             // rip
    movq 40(%rsp), %rsp
    jmpq *%rcx
2:  call unknown_linux_call
    jmp 1b
3:  movq %rsp, %rdi
    call finish_call
    jmp return_to_program

// The kernel has written ThreadBlock::exception. What was interrupted is the
// program, or a guarded copy of the runtime, whose stack must stay intact.
    .globl enclavisor_exception_entry
enclavisor_exception_entry:
    movq %gs:BLOCK_EXCEPTION_STACK, %rsp
    cld
    xorl %ebp, %ebp
    movq %gs:BLOCK_SELF, %rdi
    call on_exception
    ud2

// Where kResume continues after an exception of the program: outside the upcall, on
// the ordinary stack, whose top is in RDI.
    .globl continue_with_signal
continue_with_signal:
    movq %rdi, %rsp
    call deliver_exception
    ud2

// Where a new thread begins: all registers but RIP are the program's already.
    .globl start_program_thread
start_program_thread:
    ldmxcsr %gs:BLOCK_CONTROL
    fldcw %gs:BLOCK_CONTROL + 4
    jmpq *%gs:BLOCK_ENTRY

// Where a new process begins: RSP points to a frame that its parent made.
    .globl start_program_process
start_program_process:
    movq %rsp, %rdi
    call begin_process
    jmp return_to_program

// bool guarded_copy(void* to, const void* from, size_t size): false if an
// address on either side cannot be accessed (some bytes may have been copied).
    .globl guarded_copy
guarded_copy:
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    movl %edx, %ecx
    andl $7, %ecx
    rep movsb
    movl $1, %eax
    ret

// bool guarded_exchange(uint32_t* at, uint32_t* expected, uint32_t desired): the
// processor's compare-and-exchange; what was there is in *expected. False if the
// address cannot be accessed.
    .globl guarded_exchange
guarded_exchange:
    movl (%rsi), %eax
    lock cmpxchgl %edx, (%rdi)
    movl %eax, (%rsi)
    movl $1, %eax
    ret

// long guarded_string(char* to, const char* from, size_t room): copies up to
// and with the terminating zero; its length, `room` if it does not fit, or -1.
    .globl guarded_string
guarded_string:
    xorl %eax, %eax
4:  cmpq %rdx, %rax
    je 5f
    movb (%rsi,%rax), %cl
    movb %cl, (%rdi,%rax)
    incq %rax
    testb %cl, %cl
    jne 4b
    decq %rax
5:  ret
    .globl guarded_end
guarded_end:

    .globl guarded_copy_failed
guarded_copy_failed:
    xorl %eax, %eax
    ret
    .globl guarded_string_failed
guarded_string_failed:
    movq $-1, %rax
    ret

    .bss
    .balign 4096
    .skip 65536
syscall_stack_top:
    .skip 16384
    .globl exception_stack_top
exception_stack_top:
    .globl syscall_stack_top

    .section .note.GNU-stack, "", @progbits
