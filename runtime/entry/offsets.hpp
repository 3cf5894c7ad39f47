// Offsets that assembly uses; checked against the structures in start.cpp.
#pragma once

// abi::ThreadBlock
#define BLOCK_PROGRAM_RIP 0x00
#define BLOCK_SELF 0x08
#define BLOCK_PROGRAM_RSP 0x40      // runtime[0]: scratch
#define BLOCK_SYSCALL_STACK 0x48    // runtime[1]
#define BLOCK_EXCEPTION_STACK 0x50  // runtime[2]

#define REGISTERS_RAX 112

#define LINUX_CALL_LIMIT 463
