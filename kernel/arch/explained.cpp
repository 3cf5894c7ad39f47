#include "kernel/arch/explained.hpp"

#include "kernel/arch/exception_state.hpp"
#include "kernel/arch/instruction.hpp"
#include "kernel/enclave/space.hpp"

namespace enclavisor::kernel {
namespace {

// As many bytes at `address` as are present and private, at most `size`.
std::size_t read_private(Space& space, std::uint64_t address, std::uint8_t* to, std::size_t size) {
    for (std::size_t i = 0; i < size; i++) {
        const std::uint64_t at = address + i;
        if (at >= abi::kEnclaveEnd) return i;
        const Entry entry = space.tables.lookup(VirtAddr{at});
        if (!entry.is_private() || !entry.user()) return i;
        to[i] = direct<const volatile std::uint8_t>(entry.frame())[at % abi::kPageSize];
    }
    return size;
}

bool is_shared(Space& space, std::uint64_t address) {
    return address < abi::kEnclaveEnd && space.tables.lookup(VirtAddr{address}).is_shared();
}

// At RIP; nothing if it is unknown.
std::optional<Instruction> instruction_of(const Thread& thread) {
    constexpr std::size_t kLongest = 15;
    std::uint8_t bytes[kLongest];
    const std::size_t size = read_private(*thread.space, thread.registers.rip, bytes, kLongest);
    return decode({bytes, size}, thread.registers, processor_sets);
}

bool divides_wrongly(const Thread& thread) {
    const auto instruction = instruction_of(thread);
    if (!instruction || !is_division(*instruction)) return false;
    if (instruction->address && (instruction->traits & kPlaced)) return true;
    std::uint64_t divisor = 0;
    if (!instruction->address) {
        divisor = register_operand(*instruction, thread.registers);
    } else {
        std::uint8_t bytes[8]{};
        const std::size_t size = read_private(*thread.space, *instruction->address, bytes, instruction->size);
        // A word of the link is the host's to change. What cannot be read raises another exception.
        if (size < instruction->size) return is_shared(*thread.space, *instruction->address + size);
        __builtin_memcpy(&divisor, bytes, sizeof(divisor));
    }
    return division_fails(*instruction, thread.registers, divisor);
}

bool follows_int1(const Thread& thread) {
    constexpr std::uint8_t kInt1 = 0xf1;
    std::uint8_t before;
    return read_private(*thread.space, thread.registers.rip - 1, &before, 1) == 1 && before == kInt1;
}

}  // namespace

bool is_explained(const Thread& thread) {
    const std::uint64_t rip = thread.registers.rip;
    std::uint8_t first;
    switch (thread.registers.vector) {
        case 0:  // #DE
            return divides_wrongly(thread);
        case 1:  // #DB; the kernel sets no breakpoints
            return arch::take_single_step() || follows_int1(thread);
        case 6:  // #UD
            return !instruction_of(thread) && read_private(*thread.space, rip, &first, 1) == 1;
        case 12:  // #SS, #GP
        case 13: {
            const auto instruction = instruction_of(thread);
            return !instruction || may_be_refused(*instruction, thread.registers);
        }
        case 16:  // #MF
            return arch::x87_exception_pending();
        case 17:  // #AC
            return thread.registers.rflags & arch::kAlignmentCheck;
        case 19:  // #XM
            return arch::simd_exception_pending();
        case 8:  // #DF, #MC: broken hardware, or invented. The enclave ends.
        case 18:
            return true;
        default:
            // The gates of #BP and #OF are closed to ring 3, which raises #GP there. Nothing
            // that is enabled raises the others.
            return false;
    }
}

}  // namespace enclavisor::kernel
