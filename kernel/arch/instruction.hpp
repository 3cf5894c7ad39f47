// As much of the instruction at a fault as is needed to say that the processor cannot
// have raised it. Not a decoder: what is not in its tables is unknown, and
// unknown instructions are believed to do anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "abi/enclave/calls.hpp"

namespace enclavisor::kernel {

struct Instruction {
    std::uint8_t opcode;                   // the last byte of it, of the map
    bool second_map;                       // 0F
    std::uint8_t traits;                   // Trait, below
    std::uint8_t size;                     // of an integer operand, in bytes
    bool high_bytes;                       // without REX, registers 4 to 7 are AH, CH, DH, BH
    std::uint8_t reg, rm;                  // of the ModRM byte, with REX
    std::optional<std::uint64_t> address;  // of its memory operand

    enum Trait : std::uint8_t {
        kModRm = 1,
        kStack = 2,    // reads or writes where RSP points
        kStrings = 4,  // or RSI and RDI
        kTarget = 8,   // may jump anywhere
        kPlaced = 16,  // its operand may have to be aligned, or is not only where `address` says
        kLea = 32,     // an address without an access; invalid with a register
        kGroup = 64,   // only ModRM.reg 0 is in the table, or 1 for inc and dec
    };
};

// Nothing: unknown, or fewer bytes than it has.
std::optional<Instruction> decode(std::span<const std::uint8_t> bytes, const abi::Registers& registers);

// Whether a valid, unprivileged instruction can raise #GP or #SS: only by an address
// that is not canonical, or by what its traits leave open.
bool may_be_refused(const Instruction& instruction, const abi::Registers& registers);

inline bool is_division(const Instruction& i) {
    return !i.second_map && (i.opcode & 0xfe) == 0xf6 && (i.reg & 6) == 6;
}
// A register as an operand of the instruction's size; zero-extended.
std::uint64_t register_operand(const Instruction& instruction, const abi::Registers& registers);
// Whether the division raises #DE.
bool division_fails(const Instruction& division, const abi::Registers& registers, std::uint64_t divisor);

}  // namespace enclavisor::kernel
