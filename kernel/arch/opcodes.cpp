#include "kernel/arch/opcodes.hpp"

#include <span>

namespace enclavisor::kernel {
namespace {

struct Range {
    std::uint8_t first, last, traits;
};
constexpr std::uint8_t kPlain = 0;

// clang-format off
constexpr Range kFirstMap[] = {
    // add, or, adc, sbb, and, sub, xor, cmp
    {0x00, 0x03, kModRm}, {0x04, 0x05, kPlain}, {0x08, 0x0b, kModRm}, {0x0c, 0x0d, kPlain}, {0x10, 0x13, kModRm},
    {0x14, 0x15, kPlain}, {0x18, 0x1b, kModRm}, {0x1c, 0x1d, kPlain}, {0x20, 0x23, kModRm}, {0x24, 0x25, kPlain},
    {0x28, 0x2b, kModRm}, {0x2c, 0x2d, kPlain}, {0x30, 0x33, kModRm}, {0x34, 0x35, kPlain}, {0x38, 0x3b, kModRm},
    {0x3c, 0x3d, kPlain},
    // push, pop; movsxd; push, imul; jcc; add .. cmp, test, xchg, mov; lea
    {0x50, 0x5f, kStack}, {0x63, 0x63, kModRm}, {0x68, 0x68, kStack}, {0x69, 0x69, kModRm}, {0x6a, 0x6a, kStack},
    {0x6b, 0x6b, kModRm}, {0x70, 0x7f, kPlain}, {0x80, 0x81, kModRm}, {0x83, 0x8b, kModRm},
    {0x8d, 0x8d, kModRm | kLea},
    // xchg, cwde, cdq; fwait; pushf; movs, cmps; test; stos, lods, scas; mov
    {0x90, 0x99, kPlain}, {0x9b, 0x9b, kPlain}, {0x9c, 0x9c, kStack}, {0xa4, 0xa7, kStrings}, {0xa8, 0xa9, kPlain},
    {0xaa, 0xaf, kStrings}, {0xb0, 0xbf, kPlain},
    // shifts; ret; mov; leave; shifts; loop, jrcxz; call, jmp
    {0xc0, 0xc1, kModRm}, {0xc2, 0xc3, kStack | kOpen}, {0xc6, 0xc7, kModRm | kGroup}, {0xc9, 0xc9, kOpen},
    {0xd0, 0xd3, kModRm}, {0xe0, 0xe3, kPlain}, {0xe8, 0xe8, kStack}, {0xe9, 0xe9, kPlain}, {0xeb, 0xeb, kPlain},
    // cmc; test, not, neg, mul, div; clc, stc; cld, std; inc, dec, call, jmp, push
    {0xf5, 0xf5, kPlain}, {0xf6, 0xf7, kModRm}, {0xf8, 0xf9, kPlain}, {0xfc, 0xfd, kPlain},
    {0xfe, 0xff, kModRm | kGroup},
    // Refused: int, whose gates are closed; ins, outs, in, out; hlt; cli, sti
    {0xcc, 0xcd, kOpen}, {0x6c, 0x6f, kOpen}, {0xe4, 0xe7, kOpen}, {0xec, 0xef, kOpen}, {0xf4, 0xf4, kOpen},
    {0xfa, 0xfb, kOpen},
};
constexpr Range kSecondMap[] = {
    // syscall; endbr64, nop; rdtsc; cmovcc; jcc; setcc; cpuid, which may be made to fault
    {0x05, 0x05, kPlain}, {0x1e, 0x1f, kModRm}, {0x31, 0x31, kPlain}, {0x40, 0x4f, kModRm}, {0x80, 0x8f, kPlain},
    {0x90, 0x9f, kModRm}, {0xa2, 0xa2, kOpen},
    // bt, shld, bts, shrd, imul, cmpxchg, btr, movzx, btc; bsf, bsr, movsx; xadd; bswap
    {0xa3, 0xa3, kModRm | kPlaced}, {0xa4, 0xa5, kModRm}, {0xab, 0xab, kModRm | kPlaced}, {0xac, 0xad, kModRm},
    {0xaf, 0xb1, kModRm}, {0xb3, 0xb3, kModRm | kPlaced}, {0xb6, 0xb7, kModRm}, {0xbb, 0xbb, kModRm | kPlaced},
    {0xbc, 0xbf, kModRm}, {0xc0, 0xc1, kModRm}, {0xc8, 0xcf, kPlain},
};
// clang-format on

// Mandatory prefixes, after the mnemonics' endings: packed single (no prefix), packed double or
// integer (66), scalar single (F3), scalar double (F2).
constexpr std::uint8_t kPs = 1, kPd = 2, kSs = 4, kSd = 8, kP = kPs | kPd, kS = kSs | kSd, kAll = kP | kS;
// Of VEX: vvvv, L and W as they must be; and what must be true of both encodings.
constexpr std::uint16_t kOne = 1, kL0 = 2, kL1 = 4, kW0 = 8, kW1 = 16, kMemory = 32, kRegister = 64,
                        kHard = 128, kCrypto = 256, kV3 = 512, kNoModRm = 1024, kRefused = 2048;

struct Row {
    std::uint8_t first, last;
    std::uint8_t sse, avx;  // the prefixes with which it is valid
    std::uint16_t rules;    // kHard: aligned with VEX, too
};

// clang-format off
constexpr Row kMap1[] = {
    // Prefetches, moves
    {0x0d, 0x0d, kPs, 0, kMemory}, {0x18, 0x18, kPs, 0, kMemory}, {0x10, 0x11, kAll, kP, kOne},
    {0x10, 0x11, 0, kS, kOne | kL0 | kMemory}, {0x10, 0x11, 0, kS, kRegister}, {0x12, 0x12, kPs, kPs, kL0},
    {0x12, 0x12, kPd, kPd, kL0 | kMemory}, {0x12, 0x12, kS, kS, kOne},
    {0x13, 0x13, kP, kP, kOne | kL0 | kMemory}, {0x14, 0x15, kP, kP, 0}, {0x16, 0x16, kPs, kPs, kL0},
    {0x16, 0x16, kPd, kPd, kL0 | kMemory}, {0x16, 0x16, kSs, kSs, kOne},
    {0x17, 0x17, kP, kP, kOne | kL0 | kMemory}, {0x28, 0x29, kP, kP, kOne | kHard}, {0x2a, 0x2a, kP, 0, 0},
    {0x2a, 0x2a, kS, kS, 0}, {0x2b, 0x2b, kP, kP, kOne | kMemory | kHard}, {0x2c, 0x2d, kP, 0, 0},
    {0x2c, 0x2d, kS, kS, kOne | kL0}, {0x2e, 0x2f, kP, kP, kOne | kL0},
    {0x50, 0x50, kP, kP, kOne | kRegister},
    // Arithmetic
    {0x51, 0x51, kP, kP, kOne}, {0x51, 0x51, kS, kS, 0}, {0x52, 0x53, kPs, kPs, kOne},
    {0x52, 0x53, kSs, kSs, 0}, {0x54, 0x57, kP, kP, 0}, {0x58, 0x59, kAll, kAll, 0},
    {0x5a, 0x5a, kP, kP, kOne}, {0x5a, 0x5a, kS, kS, 0}, {0x5b, 0x5b, kP | kSs, kP | kSs, kOne},
    {0x5c, 0x5f, kAll, kAll, 0},
    // Integers
    {0x60, 0x6b, kP, kPd, 0}, {0x6c, 0x6d, kPd, kPd, 0}, {0x6e, 0x6e, kP, kPd, kOne | kL0},
    {0x6f, 0x6f, kP | kSs, kPd | kSs, kOne | kHard}, {0x70, 0x70, kAll, kPd | kS, kOne},
    {0x71, 0x73, kP, kPd, kRegister}, {0x74, 0x76, kP, kPd, 0}, {0x77, 0x77, kPs, kPs, kOne | kNoModRm},
    {0x7c, 0x7d, kPd | kSd, kPd | kSd, 0}, {0x7e, 0x7e, kP | kSs, kPd | kSs, kOne | kL0},
    {0x7f, 0x7f, kP | kSs, kPd | kSs, kOne | kHard}, {0xae, 0xae, kPs, 0, kRefused}, {0xb8, 0xb8, kSs, 0, 0},
    {0xba, 0xba, kP, 0, 0}, {0xc2, 0xc2, kAll, kAll, 0}, {0xc3, 0xc3, kPs, 0, kMemory},
    {0xc4, 0xc4, kP, kPd, kL0 | kW0}, {0xc5, 0xc5, kP, kPd, kOne | kL0 | kW0 | kRegister},
    {0xc6, 0xc6, kP, kP, 0}, {0xc7, 0xc7, kPs, 0, 0}, {0xd0, 0xd0, kPd | kSd, kPd | kSd, 0},
    {0xd1, 0xd5, kP, kPd, 0}, {0xd6, 0xd6, kPd, kPd, kOne | kL0}, {0xd6, 0xd6, kS, 0, kRegister},
    {0xd7, 0xd7, kP, kPd, kOne | kRegister}, {0xd8, 0xe5, kP, kPd, 0}, {0xe6, 0xe6, kPd | kS, kPd | kS, kOne},
    {0xe7, 0xe7, kP, kPd, kOne | kMemory | kHard}, {0xe8, 0xef, kP, kPd, 0},
    {0xf0, 0xf0, kSd, kSd, kOne | kMemory}, {0xf1, 0xf6, kP, kPd, 0}, {0xf8, 0xfe, kP, kPd, 0},
};
constexpr Row kMap2[] = {
    {0x00, 0x0b, kP, kPd, 0}, {0x0c, 0x0d, 0, kPd, kW0}, {0x0e, 0x0f, 0, kPd, kOne | kW0},
    {0x10, 0x10, kPd, 0, 0}, {0x13, 0x13, 0, kPd, kOne | kW0}, {0x14, 0x15, kPd, 0, 0},
    {0x16, 0x16, 0, kPd, kL1 | kW0}, {0x17, 0x17, kPd, kPd, kOne}, {0x18, 0x18, 0, kPd, kOne | kW0},
    {0x19, 0x19, 0, kPd, kOne | kL1 | kW0}, {0x1a, 0x1a, 0, kPd, kOne | kL1 | kW0 | kMemory},
    {0x1c, 0x1e, kP, kPd, kOne}, {0x20, 0x25, kPd, kPd, kOne}, {0x28, 0x29, kPd, kPd, 0},
    {0x2a, 0x2a, kPd, kPd, kOne | kMemory | kHard}, {0x2b, 0x2b, kPd, kPd, 0},
    {0x2c, 0x2f, 0, kPd, kW0 | kMemory}, {0x30, 0x35, kPd, kPd, kOne}, {0x36, 0x36, 0, kPd, kL1 | kW0},
    {0x37, 0x40, kPd, kPd, 0}, {0x41, 0x41, kPd, kPd, kOne | kL0}, {0x45, 0x45, 0, kPd, 0},
    {0x46, 0x46, 0, kPd, kW0}, {0x47, 0x47, 0, kPd, 0}, {0x58, 0x59, 0, kPd, kOne | kW0},
    {0x5a, 0x5a, 0, kPd, kOne | kL1 | kW0 | kMemory}, {0x78, 0x79, 0, kPd, kOne | kW0},
    {0x8c, 0x8c, 0, kPd, kMemory}, {0x8e, 0x8e, 0, kPd, kMemory},
    // Multiply and add
    {0x96, 0x9f, 0, kPd, 0}, {0xa6, 0xaf, 0, kPd, 0}, {0xb6, 0xbf, 0, kPd, 0},
    // AES, SHA
    {0xc8, 0xcd, kPs, 0, kCrypto}, {0xdb, 0xdb, kPd, kPd, kOne | kL0 | kCrypto},
    {0xdc, 0xdf, kPd, kPd, kL0 | kCrypto},
    // movbe, crc32; andn, blsr, bzhi, pdep, pext, mulx, bextr, shifts without flags
    {0xf0, 0xf1, kP, 0, kMemory | kV3}, {0xf0, 0xf1, kSd, 0, 0}, {0xf2, 0xf3, 0, kPs, kL0},
    {0xf5, 0xf5, 0, kPs | kS, kL0}, {0xf6, 0xf6, 0, kSd, kL0}, {0xf7, 0xf7, 0, kAll, kL0},
};
constexpr Row kMap3[] = {
    {0x00, 0x01, 0, kPd, kOne | kL1 | kW1}, {0x02, 0x02, 0, kPd, kW0}, {0x04, 0x05, 0, kPd, kOne | kW0},
    {0x06, 0x06, 0, kPd, kL1 | kW0}, {0x08, 0x09, kPd, kPd, kOne}, {0x0a, 0x0f, kPd, kPd, 0},
    {0x0f, 0x0f, kPs, 0, 0}, {0x14, 0x15, kPd, kPd, kOne | kL0 | kW0}, {0x16, 0x17, kPd, kPd, kOne | kL0},
    {0x18, 0x18, 0, kPd, kL1 | kW0}, {0x19, 0x19, 0, kPd, kOne | kL1 | kW0}, {0x1d, 0x1d, 0, kPd, kOne | kW0},
    {0x20, 0x20, kPd, kPd, kL0 | kW0}, {0x21, 0x22, kPd, kPd, kL0}, {0x38, 0x38, 0, kPd, kL1 | kW0},
    {0x39, 0x39, 0, kPd, kOne | kL1 | kW0}, {0x40, 0x40, kPd, kPd, 0}, {0x41, 0x41, kPd, kPd, kL0},
    {0x42, 0x42, kPd, kPd, 0}, {0x44, 0x44, kPd, kPd, kL0 | kCrypto}, {0x46, 0x46, 0, kPd, kL1 | kW0},
    {0x4a, 0x4c, 0, kPd, kW0}, {0x60, 0x63, kPd, kPd, kOne | kL0}, {0xcc, 0xcc, kPs, 0, kCrypto},
    {0xdf, 0xdf, kPd, kPd, kOne | kL0 | kCrypto}, {0xf0, 0xf0, 0, kSd, kOne | kL0},
};
// clang-format on

// A bit for each ModRM.reg that is in the table.
std::uint8_t members(const VectorEncoding& e) {
    const bool memory = e.modrm < 0xc0;
    const int code = e.map << 8 | e.opcode;
    if (code == 0x171 || code == 0x172) return 0x54;  // shifts by an immediate
    if (code == 0x173) return e.prefix == 0 ? 0x44 : 0xcc;
    // fxsave, fxrstor, ldmxcsr, stmxcsr, xsave, xrstor; fences
    if (code == 0x1ae) return memory ? 0x3f : 0xe0;
    if (code == 0x1ba) return 0xf0;                  // bt with an immediate
    if (code == 0x1c7) return memory ? 0x02 : 0x40;  // cmpxchg8b; rdrand
    return code == 0x2f3 ? 0x0e : 0xff;              // blsr, blsmsk, blsi
}

bool allows(std::uint16_t rules, const VectorEncoding& e, const InstructionSets& sets) {
    const bool memory = e.modrm < 0xc0;
    if (((rules & kMemory) && !memory) || ((rules & kRegister) && memory)) return false;
    if (((rules & kCrypto) && !sets.crypto) || ((rules & kV3) && !sets.v3)) return false;
    if (!(rules & kNoModRm) && !(members(e) >> (e.modrm >> 3 & 7) & 1)) return false;
    if (!e.vex) return true;
    if ((rules & kOne) && !e.one_source) return false;
    // Scalars: L is said to be ignored.
    if (!(rules & kOne) && e.map == 1 && e.prefix >= 2 && e.l) return false;
    return !((rules & kL0) && e.l) && !((rules & kL1) && !e.l) && !((rules & kW0) && e.w) &&
           !((rules & kW1) && !e.w);
}

}  // namespace

InstructionSets instruction_sets(std::uint32_t leaf1_ecx, std::uint32_t leaf7_ebx, std::uint64_t xcr0) {
    // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; FMA, MOVBE, AVX, F16C, BMI1, AVX2, BMI2;
    // PCLMULQDQ, AES, SHA (APM3 appendix E)
    constexpr std::uint32_t kV2 = 1 << 0 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 23;
    constexpr std::uint32_t kV3Leaf1 = 1 << 12 | 1 << 22 | 1 << 28 | 1 << 29,
                            kV3Leaf7 = 1 << 3 | 1 << 5 | 1 << 8;
    constexpr std::uint32_t kCryptoLeaf1 = 1 << 1 | 1 << 25, kCryptoLeaf7 = 1 << 29;
    constexpr std::uint64_t kVectorState = 6;  // of SSE and AVX
    const auto has = [](std::uint64_t value, std::uint64_t all) { return (value & all) == all; };
    InstructionSets sets{};
    sets.v2 = has(leaf1_ecx, kV2);
    sets.v3 = sets.v2 && has(leaf1_ecx, kV3Leaf1) && has(leaf7_ebx, kV3Leaf7) && has(xcr0, kVectorState);
    sets.crypto = sets.v2 && has(leaf1_ecx, kCryptoLeaf1) && has(leaf7_ebx, kCryptoLeaf7);
    return sets;
}

std::optional<std::uint8_t> general_traits(std::uint8_t map, std::uint8_t opcode) {
    for (const Range& range : map == 0 ? std::span<const Range>{kFirstMap} : kSecondMap) {
        if (opcode >= range.first && opcode <= range.last) return range.traits;
    }
    return std::nullopt;
}

std::optional<std::uint8_t> vector_traits(const VectorEncoding& e, const InstructionSets& sets) {
    const std::span<const Row> maps[] = {{}, kMap1, kMap2, kMap3};
    if (e.map > 3 || (e.vex ? !sets.v3 : !sets.v2)) return std::nullopt;
    for (const Row& row : maps[e.map]) {
        if (e.opcode < row.first || e.opcode > row.last) continue;
        if (!((e.vex ? row.avx : row.sse) >> e.prefix & 1) || !allows(row.rules, e, sets)) continue;
        return (row.rules & kNoModRm ? 0 : kModRm) | (row.rules & kRefused ? kOpen : 0) |
               (e.vex && !(row.rules & kHard) ? 0 : kAligned);
    }
    return std::nullopt;
}

bool is_x87(std::uint8_t opcode, std::uint8_t modrm) {
    // A bit for each ModRM.reg with memory; for each ModRM byte from C0 on.
    constexpr std::uint8_t kMemoryForms[8] = {0xff, 0xfd, 0xff, 0xaf, 0xff, 0xdf, 0xff, 0xff};
    constexpr std::uint64_t kRegisterForms[8] = {
        0xffff'ffff'ffff'ffff, 0xffff'7f33'0001'ffff, 0x0000'0200'ffff'ffff, 0x00ff'ff0c'ffff'ffff,
        0xffff'ffff'0000'ffff, 0x0000'ffff'ffff'00ff, 0xffff'ffff'0200'ffff, 0x00ff'ff01'0000'0000};
    return modrm < 0xc0 ? kMemoryForms[opcode & 7] >> (modrm >> 3) % 8 & 1
                        : kRegisterForms[opcode & 7] >> (modrm & 63) & 1;
}

}  // namespace enclavisor::kernel
