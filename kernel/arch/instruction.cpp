#include "kernel/arch/instruction.hpp"

namespace enclavisor::kernel {
namespace {

using Wide = unsigned __int128;

struct Range {
    std::uint8_t first, last, traits;
};

constexpr auto kModRm = Instruction::kModRm, kStack = Instruction::kStack, kStrings = Instruction::kStrings,
               kTarget = Instruction::kTarget, kPlaced = Instruction::kPlaced, kLea = Instruction::kLea,
               kGroup = Instruction::kGroup;
constexpr std::uint8_t kPlain = 0;

// Opcodes that ring 3 may execute with any operands, APM3 appendix A. In order.
constexpr Range kFirstMap[] = {
    {0x00, 0x03, kModRm},            // add
    {0x04, 0x05, kPlain},            //
    {0x08, 0x0b, kModRm},            // or
    {0x0c, 0x0d, kPlain},            //
    {0x10, 0x13, kModRm},            // adc
    {0x14, 0x15, kPlain},            //
    {0x18, 0x1b, kModRm},            // sbb
    {0x1c, 0x1d, kPlain},            //
    {0x20, 0x23, kModRm},            // and
    {0x24, 0x25, kPlain},            //
    {0x28, 0x2b, kModRm},            // sub
    {0x2c, 0x2d, kPlain},            //
    {0x30, 0x33, kModRm},            // xor
    {0x34, 0x35, kPlain},            //
    {0x38, 0x3b, kModRm},            // cmp
    {0x3c, 0x3d, kPlain},            //
    {0x50, 0x5f, kStack},            // push, pop
    {0x63, 0x63, kModRm},            // movsxd
    {0x68, 0x68, kStack},            // push
    {0x69, 0x69, kModRm},            // imul
    {0x6a, 0x6a, kStack},            // push
    {0x6b, 0x6b, kModRm},            // imul
    {0x70, 0x7f, kPlain},            // jcc
    {0x80, 0x81, kModRm},            // add .. cmp
    {0x83, 0x8b, kModRm},            // add .. cmp, test, xchg, mov
    {0x8d, 0x8d, kModRm | kLea},     // lea
    {0x90, 0x99, kPlain},            // xchg, cwde, cdq
    {0x9c, 0x9c, kStack},            // pushf
    {0xa4, 0xa7, kStrings},          // movs, cmps
    {0xa8, 0xa9, kPlain},            // test
    {0xaa, 0xaf, kStrings},          // stos, lods, scas
    {0xb0, 0xbf, kPlain},            // mov
    {0xc0, 0xc1, kModRm},            // shifts
    {0xc2, 0xc3, kStack | kTarget},  // ret
    {0xc6, 0xc7, kModRm | kGroup},   // mov
    {0xd0, 0xd3, kModRm},            // shifts
    {0xe0, 0xe3, kPlain},            // loop, jrcxz
    {0xe8, 0xe8, kStack},            // call
    {0xe9, 0xe9, kPlain},            // jmp
    {0xeb, 0xeb, kPlain},            //
    {0xf5, 0xf5, kPlain},            // cmc
    {0xf6, 0xf7, kModRm},            // test, not, neg, mul, div
    {0xf8, 0xf9, kPlain},            // clc, stc
    {0xfc, 0xfd, kPlain},            // cld, std
    {0xfe, 0xff, kModRm | kGroup},   // inc, dec
};
constexpr Range kSecondMap[] = {
    {0x05, 0x05, kPlain},            // syscall
    {0x10, 0x11, kModRm | kPlaced},  // movups, movupd, movss, movsd
    {0x1e, 0x1f, kModRm},            // endbr64, nop
    {0x31, 0x31, kPlain},            // rdtsc
    {0x40, 0x4f, kModRm},            // cmovcc
    {0x51, 0x51, kModRm | kPlaced},  // sqrt
    {0x58, 0x59, kModRm | kPlaced},  // add, mul
    {0x5c, 0x5f, kModRm | kPlaced},  // sub, min, div, max
    {0x80, 0x8f, kPlain},            // jcc
    {0x90, 0x9f, kModRm},            // setcc
    {0xa2, 0xa2, kTarget},           // cpuid, which may be made to fault
    {0xa3, 0xa3, kModRm | kPlaced},  // bt
    {0xa4, 0xa5, kModRm},            // shld
    {0xab, 0xab, kModRm | kPlaced},  // bts
    {0xac, 0xad, kModRm},            // shrd
    {0xaf, 0xb1, kModRm},            // imul, cmpxchg
    {0xb3, 0xb3, kModRm | kPlaced},  // btr
    {0xb6, 0xb7, kModRm},            // movzx
    {0xbb, 0xbb, kModRm | kPlaced},  // btc
    {0xbc, 0xbf, kModRm},            // bsf, bsr, movsx
    {0xc0, 0xc1, kModRm},            // xadd
    {0xc8, 0xcf, kPlain},            // bswap
};

template <std::size_t kCount>
const Range* find(const Range (&map)[kCount], std::uint8_t opcode) {
    for (const Range& range : map) {
        if (opcode >= range.first && opcode <= range.last) return &range;
    }
    return nullptr;
}

std::uint64_t general(const abi::Registers& r, unsigned number) {
    const std::uint64_t in_order[16] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi,
                                        r.r8,  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
    return in_order[number];
}

bool is_canonical(std::uint64_t address) {
    return static_cast<std::int64_t>(address << 16) >> 16 == static_cast<std::int64_t>(address);
}
// With all that an instruction reaches from there.
bool is_canonical_around(std::uint64_t address) {
    return is_canonical(address - 64) && is_canonical(address + 64);
}

class Decoder {
public:
    Decoder(std::span<const std::uint8_t> bytes, const abi::Registers& registers)
        : bytes_{bytes}, registers_{registers} {}

    std::optional<Instruction> run() {
        std::uint8_t byte = prefixes();
        Instruction i{};
        i.second_map = byte == 0x0f;
        if (i.second_map) byte = next();
        i.opcode = byte;
        const Range* range = i.second_map ? find(kSecondMap, byte) : find(kFirstMap, byte);
        if (range == nullptr) return std::nullopt;
        i.traits = range->traits | placed_;
        const bool bytes = !i.second_map && !(byte & 1);
        i.size = bytes ? 1 : rex_ & 8 ? 8 : operand16_ ? 2 : 4;
        i.high_bytes = rex_ == 0;
        if (i.traits & kModRm) modrm(i);
        return short_ || unknown_ ? std::nullopt : std::optional{i};
    }

private:
    std::uint8_t next() {
        if (at_ < bytes_.size()) return bytes_[at_++];
        short_ = true;
        return 0;
    }
    std::uint64_t displacement(int size) {
        std::uint32_t value = 0;
        for (int i = 0; i < size; i++) value |= std::uint32_t{next()} << 8 * i;
        const std::int64_t wide =
            size == 1 ? static_cast<std::int8_t>(value) : static_cast<std::int32_t>(value);
        return static_cast<std::uint64_t>(wide);
    }

    // Returns the first byte that is none. LOCK makes instructions invalid; where an operand
    // is with a segment's base or another address size, is left open.
    std::uint8_t prefixes() {
        for (int i = 0; i < 4; i++) {
            const std::uint8_t byte = next();
            switch (byte) {
                case 0x66:
                    operand16_ = true;
                    break;
                case 0x26:  // segments without effect
                case 0x2e:
                case 0x36:
                case 0x3e:
                case 0xf2:
                case 0xf3:
                    break;
                case 0x64:
                case 0x65:
                case 0x67:
                    placed_ = kPlaced;
                    break;
                default:
                    if ((byte & 0xf0) != 0x40) return byte;
                    rex_ = byte;
                    return next();  // an opcode follows
            }
        }
        unknown_ = true;
        return 0;
    }

    void modrm(Instruction& i) {
        const std::uint8_t byte = next();
        const unsigned mod = byte >> 6, low = byte & 7;
        i.reg = static_cast<std::uint8_t>((byte >> 3 & 7) | (rex_ & 4) << 1);
        i.rm = static_cast<std::uint8_t>(low | (rex_ & 1) << 3);
        // Of a group, REX.R does not matter.
        if ((i.traits & kGroup) && (byte >> 3 & 7) > (i.opcode < 0xd0 ? 0 : 1)) unknown_ = true;
        if (mod == 3) {
            if (i.traits & kLea) unknown_ = true;
            return;
        }
        std::uint64_t base = 0, index = 0;
        bool has_base = true, relative = false;
        if (low == 4) {
            const std::uint8_t sib = next();
            const unsigned index_number = (sib >> 3 & 7) | (rex_ & 2) << 2;
            if (index_number != 4) index = general(registers_, index_number) << (sib >> 6);
            has_base = (sib & 7) != 5 || mod != 0;
            if (has_base) base = general(registers_, (sib & 7u) | (rex_ & 1u) << 3);
        } else if (low == 5 && mod == 0) {
            has_base = false;
            relative = true;
        } else {
            base = general(registers_, i.rm);
        }
        const std::uint64_t offset = displacement(mod == 1 ? 1 : mod == 2 || !has_base ? 4 : 0);
        if (relative) base = registers_.rip + at_ + immediate_size(i, byte >> 3 & 7);
        i.address = base + index + offset;
    }

    // RIP-relative addresses count from the end of the instruction.
    std::size_t immediate_size(const Instruction& i, unsigned group) const {
        const std::size_t full = i.size == 8 ? 4 : i.size;
        if (i.second_map) return i.opcode == 0xa4 || i.opcode == 0xac ? 1 : 0;
        switch (i.opcode) {
            case 0x69:
            case 0x81:
            case 0xc7:
                return full;
            case 0x6b:
            case 0x80:
            case 0x83:
            case 0xc0:
            case 0xc1:
            case 0xc6:
                return 1;
            case 0xf6:
            case 0xf7:
                return group < 2 ? full : 0;
            default:
                return 0;
        }
    }

    std::span<const std::uint8_t> bytes_;
    const abi::Registers& registers_;
    std::size_t at_ = 0;
    unsigned rex_ = 0;
    std::uint8_t placed_ = 0;
    bool operand16_ = false, short_ = false, unknown_ = false;
};

constexpr std::uint64_t mask_of(unsigned size) {
    return size == 8 ? ~0ull : (1ull << 8 * size) - 1;
}

}  // namespace

std::optional<Instruction> decode(std::span<const std::uint8_t> bytes, const abi::Registers& registers) {
    return Decoder{bytes, registers}.run();
}

bool may_be_refused(const Instruction& i, const abi::Registers& r) {
    if (i.traits & kTarget) return true;
    if ((i.traits & kStack) && !is_canonical_around(r.rsp)) return true;
    if ((i.traits & kStrings) && !(is_canonical_around(r.rsi) && is_canonical_around(r.rdi))) return true;
    if (!i.address || (i.traits & kLea)) return false;
    return (i.traits & kPlaced) || !is_canonical_around(*i.address);
}

std::uint64_t register_operand(const Instruction& i, const abi::Registers& r) {
    if (i.size == 1 && i.high_bytes && i.rm >= 4) return general(r, i.rm - 4) >> 8 & 0xff;
    return general(r, i.rm) & mask_of(i.size);
}

bool division_fails(const Instruction& i, const abi::Registers& r, std::uint64_t divisor) {
    const unsigned bits = 8 * i.size;
    const std::uint64_t low = r.rax & mask_of(i.size);
    const std::uint64_t high = i.size == 1 ? r.rax >> 8 & 0xff : r.rdx & mask_of(i.size);
    Wide dividend = Wide{high} << bits | low, limit = Wide{1} << bits;
    if (i.reg & 1) {  // IDIV
        const std::uint64_t sign = 1ull << (bits - 1);
        const bool negative = high & sign, negative_divisor = divisor & sign;
        // Magnitudes; those of the lowest numbers fit as well.
        if (negative) dividend = (bits == 64 ? Wide{0} : Wide{1} << 2 * bits) - dividend;
        if (negative_divisor) divisor = (0 - divisor) & mask_of(i.size);
        limit = (Wide{1} << (bits - 1)) + (negative != negative_divisor ? 1 : 0);
    }
    // The quotient fits if it is below the limit.
    return dividend >= divisor * limit;
}

}  // namespace enclavisor::kernel
