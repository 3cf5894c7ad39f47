#include "kernel/arch/flush.hpp"
#include "kernel/call/answer.hpp"

namespace enclavisor::kernel {
namespace {

using abi::Call;

// Pages that one call works on at most, so that no enclave holds the CPU in
// ring 0 for long.
constexpr std::uint64_t kBudget = 1024;

// `replaced`: nothing of what was in the done part is there any more.
std::int64_t pages_done(Enclave& enclave, PageRange range, PageCount done, bool replaced) {
    flush(enclave, {range.begin, done});
    if (replaced && !enclave.mappings.empty()) forget_mappings(enclave, {range.begin, done});
    if (done.value == 0 && enclave.tables.out_of_memory()) return error(abi::CallError::kNoMemory);
    return static_cast<std::int64_t>(done.value);
}

}  // namespace

Answer call_memory(Enclave& enclave, Call call, const abi::Registers& r) {
    const auto range = PageRange::parse(r.rdi, r.rsi);
    const auto permissions = Permissions::parse(r.rdx);
    if (!range) return std::nullopt;
    auto& tables = enclave.tables;
    switch (call) {
        case Call::kMap:
            if (!permissions) return std::nullopt;
            return pages_done(enclave, *range, tables.reserve(*range, *permissions, kBudget), true);
        case Call::kProtect:
            if (!permissions) return std::nullopt;
            return pages_done(enclave, *range, tables.protect(*range, *permissions, kBudget), false);
        case Call::kUnmap:
            return pages_done(enclave, *range, tables.unmap(*range, kBudget), true);
        default:
            return pages_done(enclave, *range, tables.discard(*range, kBudget), false);
    }
}

Answer call_move(Enclave& enclave, const abi::Registers& r) {
    const auto from = PageRange::parse(r.rdi, r.rdx);
    const auto to = PageRange::parse(r.rsi, r.rdx);
    if (!from || !to) return std::nullopt;
    if (from->begin < to->end() && to->begin < from->end()) return std::nullopt;
    const PageCount done = enclave.tables.move(from->begin, to->begin, from->count, kBudget);
    flush(enclave, {from->begin, done});
    return pages_done(enclave, *to, done, true);
}

}  // namespace enclavisor::kernel
