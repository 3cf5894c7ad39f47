#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/call/answer.hpp"
#include "kernel/call/word.hpp"
#include "kernel/enclave/fork.hpp"
#include "kernel/enclave/threads.hpp"

namespace enclavisor::kernel {

Answer call_create_thread(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    Enclave& enclave = *thread->enclave;
    const auto block = PageRange::parse(r.rdi, 1);
    if (!block || r.rsi >= abi::kEnclaveEnd || (r.r10 & ~abi::kKeepVectorState) != 0) return std::nullopt;
    Space* space = r.rdx == 0 ? thread->space : find_space(enclave, r.rdx);
    if (space == nullptr) return error(abi::CallError::kNotFound);
    if (space != thread->space && !is_common(block->begin)) return std::nullopt;
    if (!own_block(thread)) return std::nullopt;
    const auto registers = user_registers(thread->block->resume);
    if (!registers) return std::nullopt;
    switch (touch(*space, block->begin, Access::kWrite)) {
        case FaultOutcome::kResolved:
            break;
        case FaultOutcome::kNoMemory:
            return error(abi::CallError::kNoMemory);
        case FaultOutcome::kViolation:
            return std::nullopt;
    }
    const Entry entry = space->tables.lookup(block->begin);
    if (!entry.is_private() || entry.is_foreign()) return std::nullopt;
    // The thread and the page table each hold a reference to the block.
    if (!enclave.memory.retain(entry.frame())) return error(abi::CallError::kNoMemory);
    Thread* created = create_thread(kernel, *space, entry.frame(), block->begin);
    if (created == nullptr) return error(abi::CallError::kNoMemory);
    created->registers = *registers;
    created->fs_base = r.rsi;
    if (r.r10 & abi::kKeepVectorState) copy_vector_state(*created);
    kernel.scheduler.make_ready(created);
    return static_cast<std::int64_t>(created->number);
}

void call_exit_thread(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    Enclave& enclave = *thread->enclave;
    Space& space = *thread->space;
    // As on Linux, a word that is gone by now is nobody's loss.
    const auto word = r.rdi != 0 ? find_word(space, r.rdi, Access::kWrite) : std::nullopt;
    PerCpu& cpu = this_cpu();
    account(cpu);
    cpu.current = nullptr;
    cpu.loaded = nullptr;
    if (enclave.threads.first() == enclave.threads.last()) {
        end_enclave(kernel, enclave, {.reason = abi::EndReason::kExited});
        return;
    }
    if (word) {
        *word->at = 0;
        kernel.scheduler.wake_word(word->key, ~0ull);
    }
    destroy_thread(enclave, thread);
    leave_space(kernel, space);
}

Answer call_freeze(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    std::optional<std::uint64_t> call_word;
    if (r.rdi == abi::kFreezeParked) {
        if (!thread->enclave->has_io_word(r.rsi)) return std::nullopt;
        call_word = r.rsi;
    } else if (r.rdi != 0) {
        return std::nullopt;
    }
    begin_freeze(kernel, thread, call_word);
    return error(abi::CallError::kBusy);
}

Answer call_interrupt(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    for (Thread* t = thread->enclave->threads.first(); t != nullptr; t = ThreadList::next(t)) {
        if (t->number != r.rdi) continue;
        interrupt(kernel, t);
        return 0;
    }
    return error(abi::CallError::kNotFound);
}

bool call_resume(Thread* thread) {
    if (!own_block(thread)) return false;
    const auto registers = user_registers(thread->block->resume);
    if (!registers) return false;
    thread->registers = *registers;
    thread->in_upcall = false;
    thread->sysret_suffices = false;
    return true;
}

}  // namespace enclavisor::kernel
