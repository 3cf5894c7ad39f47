#include "runtime/threads/robust_list.hpp"

#include <linux/futex.h>

#include "runtime/calls/futex.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {
namespace {

// Marks a robust futex that the thread holds as an orphan's, and wakes one who waits.
// False: its address is bad.
bool release_robust(const Thread& thread, Address word, bool inherits_priority, bool pending) {
    if (word % 4 != 0) return false;
    std::uint32_t value;
    if (!get(word, value)) return false;
    for (;;) {
        const std::uint32_t owner = value & FUTEX_TID_MASK;
        if (pending && !inherits_priority && owner == 0) {
            wake_futex(word, 1);  // it died between unlocking and waking
            return true;
        }
        if (owner != thread.id) return true;
        const std::uint32_t seen = value;
        if (!guarded_exchange(reinterpret_cast<std::uint32_t*>(word), &value,
                              (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED)) {
            return false;
        }
        if (value != seen) continue;
        if (!inherits_priority && (value & FUTEX_WAITERS)) wake_futex(word, 1);
        return true;
    }
}

}  // namespace

void release_robust_list(const Thread& thread) {
    constexpr std::uint64_t kInheritsPriority = 1;
    robust_list_head head;
    if (thread.robust_list == 0 || !get(thread.robust_list, head)) return;
    const auto offset = static_cast<std::uint64_t>(head.futex_offset);
    const auto pending = reinterpret_cast<std::uint64_t>(head.list_op_pending);
    auto entry = reinterpret_cast<std::uint64_t>(head.list.next);
    for (int i = 0; i < ROBUST_LIST_LIMIT; i++) {
        const Address at = entry & ~kInheritsPriority;
        if (at == thread.robust_list) break;
        std::uint64_t next;
        const bool more = get(at, next);
        if (at != (pending & ~kInheritsPriority) &&
            !release_robust(thread, at + offset, entry & kInheritsPriority, false)) {
            break;
        }
        if (!more) break;
        entry = next;
    }
    if (pending != 0) {
        release_robust(thread, (pending & ~kInheritsPriority) + offset, pending & kInheritsPriority, true);
    }
}

void clear_child_id(const Thread& thread) {
    if (thread.clear_child_id == 0 || put(thread.clear_child_id, 0) != 0) return;
    wake_futex(thread.clear_child_id, 1);
}

}  // namespace enclavisor::runtime
