// Futexes (futex(2)). The queue is the runtime's, so that waiting, waking and
// requeueing are one step each under its lock. Private and shared ones are the
// same here.
#include "runtime/calls/futex.hpp"

#include <linux/futex.h>

#include "runtime/calls/call.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

// Shared words are the same in all processes that have them.
FutexKey key_of(Address word) {
    Memory& memory = *process().memory;
    if (memory.shares_any()) {
        if (const std::uint64_t shared = memory.shared_address(word); shared != 0) return {shared};
    }
    return {word, &memory};
}

// The TSC at which a wait ends; 0: never. 0 or -errno.
std::int64_t get_deadline(Address from, int operation, std::uint64_t& deadline) {
    std::uint64_t nanoseconds;
    deadline = 0;
    if (from == 0) return 0;
    TRY_ERRNO(get_nanoseconds(from, nanoseconds));
    if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET) {  // absolute
        const ClockKind kind = operation & FUTEX_CLOCK_REALTIME ? ClockKind::kWall : ClockKind::kMonotonic;
        const std::uint64_t now = system().clock.read(kind);
        nanoseconds = nanoseconds > now ? nanoseconds - now : 0;
    }
    deadline = system().clock.deadline(nanoseconds);
    return 0;
}

std::int64_t wait(Address word, std::uint32_t expected, std::uint32_t bitset, std::uint64_t deadline) {
    std::uint32_t value;
    if (!get(word, value)) return -EFAULT;
    if (value != expected) return -EAGAIN;
    FutexWaiter& waiter = this_thread().futex;
    system().futexes.add(waiter, key_of(word), bitset);
    const Slept slept = sleep(deadline);
    if (waiter.key.address == 0) return 0;  // woken, whatever else happened
    system().futexes.remove(waiter);
    if (slept == Slept::kTimedOut) return -ETIMEDOUT;
    // With a timeout it would begin anew.
    return deadline != 0 ? -EINTR : restart_call();
}

std::int64_t requeue(Address from, Address to, std::int32_t wakes, std::int32_t moves) {
    if (wakes < 0 || moves < 0) return -EINVAL;
    const std::int64_t woken = wakes > 0 ? wake_futex(from, wakes) : 0;
    return woken + system().futexes.requeue(key_of(from), key_of(to), moves);
}

// FUTEX_WAKE_OP's operation on the second word: what was there before.
std::int64_t operate(Address word, std::uint32_t operation, std::uint32_t& before) {
    auto* at = reinterpret_cast<std::uint32_t*>(word);
    const bool shifted = operation >> 28 & FUTEX_OP_OPARG_SHIFT;
    const int given = static_cast<std::int32_t>(operation << 8) >> 20;  // sign-extended
    const std::uint32_t argument = shifted ? 1u << (given & 31) : static_cast<std::uint32_t>(given);
    if (!get(word, before)) return -EFAULT;
    for (;;) {
        std::uint32_t after;
        switch (operation >> 28 & 7) {
            case FUTEX_OP_SET:
                after = argument;
                break;
            case FUTEX_OP_ADD:
                after = before + argument;
                break;
            case FUTEX_OP_OR:
                after = before | argument;
                break;
            case FUTEX_OP_ANDN:
                after = before & ~argument;
                break;
            case FUTEX_OP_XOR:
                after = before ^ argument;
                break;
            default:
                return -ENOSYS;
        }
        const std::uint32_t seen = before;
        if (!guarded_exchange(at, &before, after)) return -EFAULT;
        if (before == seen) return 0;
    }
}

// Whether the word's former value lets its waiters be woken, or -ENOSYS.
std::int64_t compare(std::uint32_t operation, std::uint32_t before) {
    const auto value = static_cast<std::int32_t>(before);
    const std::int32_t argument = static_cast<std::int32_t>(operation << 20) >> 20;
    switch (operation >> 24 & 15) {
        case FUTEX_OP_CMP_EQ:
            return value == argument;
        case FUTEX_OP_CMP_NE:
            return value != argument;
        case FUTEX_OP_CMP_LT:
            return value < argument;
        case FUTEX_OP_CMP_LE:
            return value <= argument;
        case FUTEX_OP_CMP_GT:
            return value > argument;
        case FUTEX_OP_CMP_GE:
            return value >= argument;
        default:
            return -ENOSYS;
    }
}

std::int64_t wake_op(Address first, Address second, std::int32_t wakes, std::int32_t second_wakes,
                     std::uint32_t operation) {
    std::uint32_t before = 0;
    TRY_ERRNO(operate(second, operation, before));
    const std::int64_t also = TRY_ERRNO(compare(operation, before));
    const std::int64_t woken = wake_futex(first, wakes);
    return also ? woken + wake_futex(second, second_wakes) : woken;
}

std::int64_t sys_futex(Address word, int operation, std::uint32_t value, std::uint64_t time_or_count,
                       Address second, std::uint32_t third) {
    const int command = operation & FUTEX_CMD_MASK;
    const auto count = static_cast<std::int32_t>(value);
    const auto second_count = static_cast<std::int32_t>(time_or_count);
    const bool waits = command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
    if ((operation & FUTEX_CLOCK_REALTIME) && !waits) return -ENOSYS;
    if (command > FUTEX_WAKE_BITSET || command == FUTEX_FD || command == FUTEX_LOCK_PI ||
        command == FUTEX_UNLOCK_PI || command == FUTEX_TRYLOCK_PI) {
        return -ENOSYS;
    }
    if (word % 4 != 0 || (command >= FUTEX_REQUEUE && command <= FUTEX_WAKE_OP && second % 4 != 0))
        return -EINVAL;
    std::uint32_t present;
    // Private words need not exist to be named.
    if (!(operation & FUTEX_PRIVATE_FLAG) && !get(word, present)) return -EFAULT;
    switch (command) {
        case FUTEX_WAIT:
            third = ~0u;
            [[fallthrough]];
        case FUTEX_WAIT_BITSET: {
            std::uint64_t deadline;
            if (third == 0) return -EINVAL;
            TRY_ERRNO(get_deadline(time_or_count, operation, deadline));
            return wait(word, value, third, deadline);
        }
        case FUTEX_WAKE:
            return wake_futex(word, count);
        case FUTEX_WAKE_BITSET:
            return third == 0 ? -EINVAL : wake_futex(word, count, third);
        case FUTEX_CMP_REQUEUE:
            if (!get(word, present)) return -EFAULT;
            if (present != third) return -EAGAIN;
            [[fallthrough]];
        case FUTEX_REQUEUE:
            return requeue(word, second, count, second_count);
        default:
            return wake_op(word, second, count, second_count, third);
    }
}

}  // namespace

// Linux wakes one even if it is asked for none.
std::int64_t wake_futex(Address word, std::int32_t count, std::uint32_t bitset) {
    return system().futexes.wake(key_of(word), std::max(count, 1), bitset,
                                 [](FutexWaiter& waiter) { wake(*waiter.thread); });
}

ENCLAVISOR_CALL(futex)

}  // namespace enclavisor::runtime
