// Offsets that assembly uses; checked against the structures in start.cpp.
#pragma once

// abi::ThreadBlock
#define BLOCK_PROGRAM_RIP 0x00
#define BLOCK_SELF 0x08
#define BLOCK_PROGRAM_RSP 0x40      // runtime[0]: scratch
#define BLOCK_SYSCALL_STACK 0x48    // runtime[1]
#define BLOCK_EXCEPTION_STACK 0x50  // runtime[2]
#define BLOCK_WORK 0x60             // runtime[4]
#define BLOCK_CONTROL 0x68          // runtime[5]: MXCSR, x87 control word
#define BLOCK_ENTRY 0x70            // runtime[6]

#define REGISTERS_RAX 112

#define LINUX_CALL_LIMIT 463
