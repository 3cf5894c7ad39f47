#include "kernel/arch/instruction.hpp"

#include <initializer_list>

namespace enclavisor::kernel {
namespace {

using Wide = unsigned __int128;

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
    return is_canonical(address - 128) && is_canonical(address + 128);
}

bool is_one_of(const Instruction& i, std::initializer_list<int> all) {
    for (const int one : all) {
        if ((i.map << 8 | i.opcode) == one) return true;
    }
    return false;
}

// LOCK makes instructions invalid that do not change memory.
bool may_be_locked(const Instruction& i) {
    if (!i.address) return false;
    const unsigned member = i.reg & 7;
    if (is_one_of(i, {0x080, 0x081, 0x083})) return member != 7;
    if (is_one_of(i, {0x0f6, 0x0f7})) return member == 2 || member == 3;
    if (is_one_of(i, {0x0fe, 0x0ff})) return member < 2;
    if (is_one_of(i, {0x1ba})) return member > 4;
    if (is_one_of(i, {0x086, 0x087, 0x1ab, 0x1b0, 0x1b1, 0x1b3, 0x1bb, 0x1c0, 0x1c1, 0x1c7})) return true;
    return i.map == 0 && i.opcode < 0x38 && (i.opcode & 7) < 2;
}

class Decoder {
public:
    Decoder(std::span<const std::uint8_t> bytes, const abi::Registers& registers, const InstructionSets& sets)
        : bytes_{bytes}, registers_{registers}, sets_{sets} {}

    std::optional<Instruction> run() {
        Instruction i{};
        const std::optional<std::uint8_t> traits = opcode(i);
        if (!traits) return std::nullopt;
        i.traits = *traits | placed_;
        i.high_bytes = rex_ == 0;
        if (i.traits & kModRm) modrm(i);
        if (lock_ && !may_be_locked(i)) return std::nullopt;
        return short_ || unknown_ ? std::nullopt : std::optional{i};
    }

private:
    std::uint8_t peek() const { return at_ < bytes_.size() ? bytes_[at_] : 0; }
    std::uint8_t next() {
        const std::uint8_t byte = peek();
        if (at_ == bytes_.size()) {
            short_ = true;
        } else {
            at_++;
        }
        return byte;
    }
    std::uint64_t displacement(int size) {
        std::uint32_t value = 0;
        for (int i = 0; i < size; i++) value |= std::uint32_t{next()} << 8 * i;
        const std::int64_t wide =
            size == 1 ? static_cast<std::int8_t>(value) : static_cast<std::int32_t>(value);
        return static_cast<std::uint64_t>(wide);
    }

    // Returns the first byte that is none. Where an operand is with a segment's base or
    // another address size, is left open.
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
                    break;
                case 0xf0:
                    lock_ = true;
                    break;
                case 0xf2:
                case 0xf3:
                    repeat_ |= byte == 0xf2 ? 2 : 1;
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

    // Up to the opcode; the instruction's traits if it is known.
    std::optional<std::uint8_t> opcode(Instruction& i) {
        const std::uint8_t byte = prefixes();
        const bool any_prefix = operand16_ || lock_ || repeat_ != 0 || rex_ != 0;
        i.opcode = byte;
        i.size = !(byte & 1) ? 1 : rex_ & 8 ? 8 : operand16_ ? 2 : 4;
        if (byte == 0xc4 || byte == 0xc5) return any_prefix ? std::nullopt : vex(i, byte == 0xc5);
        if (byte >= 0xd8 && byte <= 0xdf) return x87(byte);
        if (byte != 0x0f) return general_traits(0, byte);

        i.opcode = next();
        i.map = i.opcode == 0x38 ? 2 : i.opcode == 0x3a ? 3 : 1;
        if (i.map > 1) i.opcode = next();
        i.size = rex_ & 8 ? 8 : operand16_ ? 2 : 4;
        if (const auto traits = general_traits(1, i.opcode); traits && i.map == 1) return traits;
        // Which of two mandatory prefixes counts, is left open.
        if (repeat_ == 3 || (repeat_ != 0 && operand16_)) return std::nullopt;
        const int prefix = repeat_ == 2 ? 3 : repeat_ == 1 ? 2 : operand16_ ? 1 : 0;
        return vector(i, {.map = i.map, .opcode = i.opcode, .prefix = static_cast<std::uint8_t>(prefix)}, 16);
    }
    std::optional<std::uint8_t> vex(Instruction& i, bool two_bytes) {
        std::uint8_t byte = next();
        rex_ = (~byte >> 5 & (two_bytes ? 4 : 7)) | 0x40;
        VectorEncoding e{.map = 1, .vex = true};
        if (!two_bytes) {
            e.map = byte & 0x1f;
            byte = next();
            e.w = byte & 0x80;
        }
        e.one_source = (byte & 0x78) == 0x78;
        e.l = byte & 4;
        e.prefix = byte & 3;
        e.opcode = i.opcode = next();
        i.map = e.map;
        return vector(i, e, e.l ? 32 : 16);
    }
    std::optional<std::uint8_t> vector(Instruction& i, VectorEncoding e, std::uint8_t size) {
        i.size = size;
        e.modrm = peek();
        return vector_traits(e, sets_);
    }
    std::optional<std::uint8_t> x87(std::uint8_t opcode) const {
        return sets_.v2 && is_x87(opcode, peek()) ? std::optional{std::uint8_t{kModRm}} : std::nullopt;
    }

    void modrm(Instruction& i) {
        const std::uint8_t byte = next();
        const unsigned mod = byte >> 6, low = byte & 7;
        i.reg = static_cast<std::uint8_t>((byte >> 3 & 7) | (rex_ & 4) << 1);
        i.rm = static_cast<std::uint8_t>(low | (rex_ & 1) << 3);
        if (i.traits & kGroup) member(i, byte >> 3 & 7);
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

    // Of a group, where REX.R does not matter.
    void member(Instruction& i, unsigned number) {
        if (i.opcode == 0xff && (number == 2 || number == 4 || number == 6)) {
            i.traits |= number == 6 ? kStack : kStack | kOpen;  // push; call, jmp
        } else if (number > (i.opcode < 0xd0 ? 0 : 1)) {
            unknown_ = true;
        }
    }

    // RIP-relative addresses count from the end of the instruction.
    std::size_t immediate_size(const Instruction& i, unsigned group) const {
        const std::size_t full = i.size == 8 ? 4 : i.size;
        if (is_one_of(i, {0x069, 0x081, 0x0c7})) return full;
        if (is_one_of(i, {0x0f6, 0x0f7})) return group < 2 ? full : 0;
        return i.map == 3 || is_one_of(i, {0x06b, 0x080, 0x083, 0x0c0, 0x0c1, 0x0c6, 0x170, 0x1a4, 0x1ac,
                                           0x1ba, 0x1c2, 0x1c4, 0x1c6});
    }

    std::span<const std::uint8_t> bytes_;
    const abi::Registers& registers_;
    const InstructionSets& sets_;
    std::size_t at_ = 0;
    unsigned rex_ = 0, repeat_ = 0;  // 1: F3, 2: F2
    std::uint8_t placed_ = 0;
    bool operand16_ = false, lock_ = false, short_ = false, unknown_ = false;
};

constexpr std::uint64_t mask_of(unsigned size) {
    return size == 8 ? ~0ull : (1ull << 8 * size) - 1;
}

}  // namespace

std::optional<Instruction> decode(std::span<const std::uint8_t> bytes, const abi::Registers& registers,
                                  const InstructionSets& sets) {
    return Decoder{bytes, registers, sets}.run();
}

bool may_be_refused(const Instruction& i, const abi::Registers& r) {
    if (i.traits & kOpen) return true;
    if ((i.traits & kStack) && !is_canonical_around(r.rsp)) return true;
    if ((i.traits & kStrings) && !(is_canonical_around(r.rsi) && is_canonical_around(r.rdi))) return true;
    if (!i.address || (i.traits & kLea)) return false;
    if ((i.traits & kAligned) && *i.address % i.size != 0) return true;
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
