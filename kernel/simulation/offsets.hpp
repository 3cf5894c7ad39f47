// Of abi::SimRequest, for assembly; instructions.cpp asserts them.
#pragma once

#define SIM_REQUEST_PHYS 0x10000
#define SIM_START 0x78
#define SIM_START_RIP 0x00
#define SIM_START_RSP 0x08
#define SIM_START_CR0 0x10
#define SIM_START_CR3 0x18
#define SIM_START_CR4 0x20
#define SIM_START_EFER 0x28
#define SIM_START_DR6 0x30
#define SIM_START_DR7 0x38
#define SIM_START_PAT 0x40
#define SIM_START_GDT 0x4e
#define SIM_START_IDT 0x5e
