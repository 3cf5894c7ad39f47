#include "kernel/arch/flush.hpp"
#include "kernel/call/answer.hpp"
#include "kernel/memory/table_copy.hpp"

namespace enclavisor::kernel {
namespace {

using abi::Call;

// Pages that one call works on at most, so that no enclave holds the CPU in
// ring 0 for long.
constexpr std::uint64_t kBudget = 1024;

// `replaced`: nothing of what was in the done part is there any more.
std::int64_t pages_done(Space& space, PageRange range, PageCount done, bool replaced) {
    flush(space, {range.begin, done});
    if (replaced && !space.enclave->mappings.empty()) forget_mappings(space, {range.begin, done});
    if (done.value == 0 && space.tables.out_of_memory()) return error(abi::CallError::kNoMemory);
    return static_cast<std::int64_t>(done.value);
}

}  // namespace

Answer call_memory(Space& space, Call call, const abi::Registers& r) {
    const auto range = PageRange::parse(r.rdi, r.rsi);
    const auto permissions = Permissions::parse(r.rdx);
    if (!range) return std::nullopt;
    auto& tables = space.tables;
    switch (call) {
        case Call::kMap:
            if (!permissions) return std::nullopt;
            return pages_done(space, *range, tables.reserve(*range, *permissions, kBudget), true);
        case Call::kProtect:
            if (!permissions) return std::nullopt;
            return pages_done(space, *range, tables.protect(*range, *permissions, kBudget), false);
        case Call::kUnmap:
            return pages_done(space, *range, tables.unmap(*range, kBudget), true);
        default:
            return pages_done(space, *range, tables.discard(*range, kBudget), false);
    }
}

Answer call_move(Space& space, const abi::Registers& r) {
    const auto from = PageRange::parse(r.rdi, r.rdx);
    const auto to = PageRange::parse(r.rsi, r.rdx);
    if (!from || !to) return std::nullopt;
    if (from->begin < to->end() && to->begin < from->end()) return std::nullopt;
    const PageCount done = space.tables.move(from->begin, to->begin, from->count, kBudget);
    flush(space, {from->begin, done});
    return pages_done(space, *to, done, true);
}

Answer call_share(Space& space, const abi::Registers& r) {
    const auto from = PageRange::parse(r.rdi, r.rdx);
    const auto to = PageRange::parse(r.rsi, r.rdx);
    const auto permissions = Permissions::parse(r.r10);
    if (!from || !to || !permissions) return std::nullopt;
    if (from->begin.value < abi::kCommonBegin || from->end().value > abi::kCommonEnd) return std::nullopt;
    if (to->begin.value < abi::kCommonEnd && to->end().value > abi::kCommonBegin) return std::nullopt;
    const Shared shared = share(space, from->begin, *to, *permissions, kBudget);
    const std::int64_t done = pages_done(space, *to, shared.done, true);
    if (shared.done.value != 0) return done;
    if (shared.outcome == FaultOutcome::kViolation) return std::nullopt;
    return error(abi::CallError::kNoMemory);
}

Answer call_fork_space(Thread* thread) {
    const Space* space = fork_space(*thread->space);
    if (space == nullptr) return error(abi::CallError::kNoMemory);
    return static_cast<std::int64_t>(space->number);
}

Answer call_copy_space(Space& from, const abi::Registers& r) {
    if (r.rsi % abi::kPageSize != 0) return std::nullopt;
    Space* to = find_space(*from.enclave, r.rdi);
    if (to == nullptr) return error(abi::CallError::kNotFound);
    if (to->threads != 0) return error(abi::CallError::kBusy);
    TableCopy copy{from.tables, to->tables, kBudget};
    const std::uint64_t next = copy.run(r.rsi);
    // Pages that could be written cannot any more.
    flush(from, *PageRange::parse(abi::kEnclaveBegin, kBudget));
    if (copy.out_of_memory()) return error(abi::CallError::kNoMemory);
    return static_cast<std::int64_t>(next == copy.kEnd ? 0 : next);
}

Answer call_enter_space(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    Space* space = find_space(*thread->enclave, r.rdi);
    if (space == nullptr) return error(abi::CallError::kNotFound);
    enter_space(kernel, thread, *space);
    return 0;
}

Answer call_drop_space(Kernel& kernel, Enclave& enclave, const abi::Registers& r) {
    Space* space = find_space(enclave, r.rdi);
    if (space == nullptr) return error(abi::CallError::kNotFound);
    if (space->threads != 0) return error(abi::CallError::kBusy);
    drop_space(kernel, *space);
    return 0;
}

}  // namespace enclavisor::kernel
