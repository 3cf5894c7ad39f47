#include "kernel/arch/cpu.hpp"
#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/call/answer.hpp"
#include "kernel/call/word.hpp"

namespace enclavisor::kernel {
namespace {

using abi::CallError;

// An interrupt that came before its thread fell asleep.
bool take_interrupt(Thread* thread) {
    const bool interrupted = thread->interrupted;
    thread->interrupted = false;
    return interrupted;
}

void sleep(Kernel& kernel, Thread* thread, Waiting what, std::uint64_t deadline) {
    this_cpu().current = nullptr;
    kernel.scheduler.wait(thread, what, deadline);
}

}  // namespace

std::optional<Word> find_word(Space& space, std::uint64_t address, Access access) {
    if (address % 4 != 0 || address < abi::kEnclaveBegin || address >= abi::kEnclaveEnd) return std::nullopt;
    if (touch(space, VirtAddr{address}, access) != FaultOutcome::kResolved) return std::nullopt;
    const Entry entry = space.tables.lookup(VirtAddr{address});
    if (!entry.is_private()) return std::nullopt;
    const PhysAddr at{entry.frame().value + address % abi::kPageSize};
    // Words of memory objects are the same for all who have mapped them.
    const WordKey key =
        entry.is_object() ? WordKey{nullptr, at.value} : WordKey{word_scope(space, address), address};
    return Word{direct<volatile std::uint32_t>(at), key};
}

Answer call_wait_io(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    const Enclave& enclave = *thread->enclave;
    if (!enclave.has_io_word(r.rdx)) return std::nullopt;
    thread->expected = static_cast<std::uint32_t>(r.rdi);
    thread->io_word = enclave.io_offset + r.rdx;
    fence();
    if (kernel.link.word(thread->io_word) != thread->expected) return 0;
    if (take_interrupt(thread)) return error(CallError::kInterrupted);
    if (r.rsi != 0 && r.rsi <= arch::read_tsc()) return error(CallError::kTimedOut);
    sleep(kernel, thread, r.r10 & abi::kWaitQuiet ? Waiting::kCall : Waiting::kIo, r.rsi);
    return 0;
}

Answer call_wait(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    const auto word = find_word(*thread->space, r.rdi, Access::kRead);
    if (!word) return std::nullopt;
    if (*word->at != static_cast<std::uint32_t>(r.rsi)) return error(CallError::kNotEqual);
    if (take_interrupt(thread)) return error(CallError::kInterrupted);
    if (r.rdx != 0 && r.rdx <= arch::read_tsc()) return error(CallError::kTimedOut);
    thread->key = word->key;
    sleep(kernel, thread, Waiting::kWord, r.rdx);
    return 0;
}

Answer call_wake(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    const auto word = find_word(*thread->space, r.rdi, Access::kRead);
    if (!word) return std::nullopt;
    return static_cast<std::int64_t>(kernel.scheduler.wake_word(word->key, r.rsi));
}

}  // namespace enclavisor::kernel
