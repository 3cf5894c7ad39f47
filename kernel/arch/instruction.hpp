// As much of the instruction at a fault as is needed to say that the processor cannot
// have raised it. Not a decoder: what is not in its tables is unknown, and
// unknown instructions are believed to do anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "abi/enclave/calls.hpp"
#include "kernel/arch/opcodes.hpp"

namespace enclavisor::kernel {

struct Instruction {
    std::uint8_t opcode;                   // the last byte of it, of the map
    std::uint8_t map;                      // 0; 1: 0F, 2: 0F 38, 3: 0F 3A
    std::uint8_t traits;                   // Trait
    std::uint8_t size;                     // of an integer or vector operand, in bytes
    bool high_bytes;                       // without REX, registers 4 to 7 are AH, CH, DH, BH
    std::uint8_t reg, rm;                  // of the ModRM byte, with REX
    std::optional<std::uint64_t> address;  // of its memory operand
};

// Nothing: unknown, or fewer bytes than it has.
std::optional<Instruction> decode(std::span<const std::uint8_t> bytes, const abi::Registers& registers,
                                  const InstructionSets& sets);

// Whether a valid, unprivileged instruction can raise #GP or #SS: only by an address
// that is not canonical, or by what its traits leave open.
bool may_be_refused(const Instruction& instruction, const abi::Registers& registers);

inline bool is_division(const Instruction& i) {
    return i.map == 0 && (i.opcode & 0xfe) == 0xf6 && (i.reg & 6) == 6;
}
// A register as an operand of the instruction's size; zero-extended.
std::uint64_t register_operand(const Instruction& instruction, const abi::Registers& registers);
// Whether the division raises #DE.
bool division_fails(const Instruction& division, const abi::Registers& registers, std::uint64_t divisor);

}  // namespace enclavisor::kernel
