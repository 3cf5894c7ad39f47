// Which encodings are instructions that ring 3 may execute with any operands, as far as
// the tables know them (APM3 appendix A; APM4, APM5; SDM volume 2). What is in them is
// valid on every processor that has the sets.
#pragma once

#include <cstdint>
#include <optional>

namespace enclavisor::kernel {

// What an instruction may be refused for (#GP, #SS), and how it is encoded.
enum Trait : std::uint8_t {
    kModRm = 1,
    kStack = 2,     // reads or writes where RSP points
    kStrings = 4,   // or RSI and RDI
    kOpen = 8,      // may be refused for what is not looked at, as a jump anywhere
    kPlaced = 16,   // its operand is not only where its address says
    kLea = 32,      // an address without an access; invalid with a register
    kGroup = 64,    // ModRM.reg 0 is in the table; 1 too for inc and dec; 2, 4 and 6 beside them
    kAligned = 128  // its operand may have to be aligned
};

// What a processor has, and the kernel enables.
struct InstructionSets {
    bool v2, v3;  // x86-64-v2: SSE4.2, POPCNT; x86-64-v3: AVX2, FMA, BMI1, BMI2, MOVBE
    bool crypto;  // AES, PCLMULQDQ, SHA
};
// From CPUID, leaf 1 and subleaf 0 of leaf 7, and XCR0.
InstructionSets instruction_sets(std::uint32_t leaf1_ecx, std::uint32_t leaf7_ebx, std::uint64_t xcr0);

// General instructions, of map 0 or 1: 0F. Nothing: unknown.
std::optional<std::uint8_t> general_traits(std::uint8_t map, std::uint8_t opcode);

// SSE and MMX; AVX, and what else has a VEX prefix.
struct VectorEncoding {
    std::uint8_t map, opcode, modrm;  // map 1: 0F, 2: 0F 38, 3: 0F 3A
    std::uint8_t prefix;              // none, 66, F3, F2, as VEX.pp counts them
    bool vex, w, l;                   // VEX.W, VEX.L
    bool one_source;                  // VEX.vvvv names no register
};
std::optional<std::uint8_t> vector_traits(const VectorEncoding& encoding, const InstructionSets& sets);

// x87: opcodes D8 to DF.
bool is_x87(std::uint8_t opcode, std::uint8_t modrm);

}  // namespace enclavisor::kernel
