// Offsets that assembly uses; arch/per_cpu.hpp and sched/thread.hpp assert them.
#pragma once

#define PER_CPU_FRAME_END 0x08
#define PER_CPU_STACK_TOP 0x10
#define PER_CPU_SCRATCH 0x18
#define PER_CPU_RUNTIME_BEGIN 0x20
#define PER_CPU_RUNTIME_SIZE 0x28
#define PER_CPU_SYSCALL_ENTRY 0x30
#define PER_CPU_BLOCK 0x38
#define PER_CPU_GDT 0xb8

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA 0x23
#define SELECTOR_USER_CODE 0x2b
#define SELECTOR_TSS 0x30
