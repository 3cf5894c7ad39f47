#include "runtime/signals/thread_signals.hpp"

#include <signal.h>

#include <cstring>

#include "runtime/support/program_memory.hpp"
#include "runtime/support/vector_state.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kRedZone = 128;
constexpr std::uint64_t kRestorer = 0x04000000;     // SA_RESTORER
constexpr std::uint64_t kContextFlags = 7;          // UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
constexpr std::uint64_t kHeaderOffset = 512;        // XSTATE_BV in the XSAVE area
constexpr std::uint64_t kControlStatusOffset = 24;  // MXCSR
constexpr std::uint32_t kControlStatusBits = 0xffff;

VectorState vectors;  // only used under the runtime's lock

// Whether XRSTOR will take it (SDM vol. 1, 13.8: reserved bits fault).
bool acceptable(VectorState& state) {
    std::uint64_t header[8];
    std::memcpy(header, state.bytes + kHeaderOffset, sizeof(header));
    if (header[0] & ~vector_state_info().components) return false;
    for (int i = 1; i < 8; i++) {
        if (header[i] != 0) return false;
    }
    std::uint32_t mxcsr;
    std::memcpy(&mxcsr, state.bytes + kControlStatusOffset, sizeof(mxcsr));
    return (mxcsr & ~kControlStatusBits) == 0;
}

bool on_stack(const SignalStack& stack, std::uint64_t rsp) {
    return rsp > stack.base && rsp - stack.base <= stack.size;
}

bool write_vectors(std::uint64_t at) {
    const VectorStateInfo& info = vector_state_info();
    std::memset(&vectors, 0, sizeof(vectors));
    vectors.save();
    const VectorStateMark mark{kVectorMagic1, info.size + 4, info.components, info.size, {}};
    std::memcpy(vectors.bytes + kVectorStateMarkOffset, &mark, sizeof(mark));
    return copy_out(at, &vectors, info.size) &&
           copy_out(at + info.size, &kVectorMagic2, sizeof(kVectorMagic2));
}

bool read_vectors(std::uint64_t at) {
    if (at == 0) return true;
    const VectorStateInfo& info = vector_state_info();
    VectorStateMark mark;
    std::memset(&vectors, 0, sizeof(vectors));
    if (!copy_in(&vectors, at, info.size)) return false;
    std::memcpy(&mark, vectors.bytes + kVectorStateMarkOffset, sizeof(mark));
    if (mark.magic1 != kVectorMagic1) {  // x87 and SSE only
        std::memset(vectors.bytes + kHeaderOffset, 0, sizeof(vectors) - kHeaderOffset);
        vectors.bytes[kHeaderOffset] = std::byte{3};
    }
    if (!acceptable(vectors)) return false;
    vectors.restore();
    return true;
}

SignalRegisters to_frame(const abi::Registers& r) {
    SignalRegisters f{};
    f.r8 = r.r8, f.r9 = r.r9, f.r10 = r.r10, f.r11 = r.r11;
    f.r12 = r.r12, f.r13 = r.r13, f.r14 = r.r14, f.r15 = r.r15;
    f.rdi = r.rdi, f.rsi = r.rsi, f.rbp = r.rbp, f.rbx = r.rbx;
    f.rdx = r.rdx, f.rax = r.rax, f.rcx = r.rcx;
    f.rsp = r.rsp, f.rip = r.rip, f.rflags = r.rflags;
    f.cs = abi::kUserCodeSelector, f.ss = abi::kUserDataSelector;
    return f;
}

abi::Registers from_frame(const SignalRegisters& f) {
    abi::Registers r{};
    r.r8 = f.r8, r.r9 = f.r9, r.r10 = f.r10, r.r11 = f.r11;
    r.r12 = f.r12, r.r13 = f.r13, r.r14 = f.r14, r.r15 = f.r15;
    r.rdi = f.rdi, r.rsi = f.rsi, r.rbp = f.rbp, r.rbx = f.rbx;
    r.rdx = f.rdx, r.rax = f.rax, r.rcx = f.rcx;
    r.rsp = f.rsp, r.rip = f.rip, r.rflags = f.rflags;
    return r;
}

}  // namespace

void ThreadSignals::inherit(const ThreadSignals& parent) {
    *this = ThreadSignals{};
    mask_ = parent.suspended_ ? parent.saved_mask_ : parent.mask_;
}

bool ThreadSignals::enter_handler(SignalAction& action, const SignalInfo& info, abi::Registers& registers,
                                  std::uint64_t address, std::uint64_t& mask) {
    std::uint64_t top = registers.rsp - kRedZone;
    const bool alternate =
        (action.flags & SA_ONSTACK) && !(stack_.flags & SS_DISABLE) && !on_stack(stack_, registers.rsp);
    if (alternate) top = stack_.base + stack_.size;
    const std::uint64_t state = (top - vector_state_info().size - 4) & ~63ull;
    const std::uint64_t at = ((state - sizeof(SignalFrame)) & ~15ull) - 8;

    SignalFrame frame{};
    frame.return_address = action.flags & kRestorer ? action.restorer : 0;
    frame.context_flags = kContextFlags;
    frame.stack = stack_;
    if (!(stack_.flags & SS_DISABLE)) frame.stack.flags = on_stack(stack_, registers.rsp) ? SS_ONSTACK : 0;
    frame.registers = to_frame(registers);
    frame.registers.vector = registers.vector;
    frame.registers.error = registers.error;
    frame.registers.fault_address = address;
    frame.registers.vector_state = state;
    frame.mask = suspended_ ? saved_mask_ : mask_;
    frame.registers.old_mask = frame.mask;
    frame.info = info;
    frame.info.padding = 0;
    if (!write_vectors(state) || !copy_out(at, &frame, sizeof(frame))) return false;

    suspended_ = false;
    registers.rip = action.handler;
    registers.rsp = at;
    registers.rdi = static_cast<std::uint64_t>(info.number);
    registers.rsi = at + offsetof(SignalFrame, info);
    registers.rdx = at + offsetof(SignalFrame, context_flags);
    registers.rax = 0;
    registers.rflags &= ~0x500ull;  // DF, TF
    mask = mask_ | action.mask;
    if (!(action.flags & SA_NODEFER)) mask |= signal_bit(info.number);
    if (action.flags & SA_RESETHAND) action.handler = 0;
    return true;
}

bool ThreadSignals::leave_handler(std::uint64_t rsp, abi::Registers& registers, std::uint64_t& mask) {
    SignalFrame frame;
    // The handler's `ret` has taken the return address off.
    if (!copy_in(&frame, rsp - 8, sizeof(frame))) return false;
    if (frame.registers.rip >= abi::kEnclaveEnd || !read_vectors(frame.registers.vector_state)) return false;
    mask = frame.mask;
    if (!(frame.stack.flags & ~(SS_ONSTACK | SS_DISABLE))) {
        stack_ = frame.stack;
        stack_.flags &= SS_DISABLE;
    }
    registers = from_frame(frame.registers);
    return true;
}

}  // namespace enclavisor::runtime
