// Threads: making and ending them, their numbers, what is theirs.
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/prctl.h>

#include <cstring>

#include "runtime/calls/call.hpp"
#include "runtime/calls/futex.hpp"
#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kThreadFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
constexpr std::uint64_t kKnownFlags = kThreadFlags | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                                      CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_DETACHED | CLONE_IO;

std::int64_t clone_thread(Frame* frame, const clone_args& wanted) {
    const std::uint64_t flags = wanted.flags;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND)) return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM)) return -EINVAL;
    if ((flags & kThreadFlags) != kThreadFlags || (flags & ~kKnownFlags)) {
        count_unsupported(frame->vector);
        return -ENOSYS;
    }
    if ((flags & CLONE_SETTLS) && wanted.tls >= abi::kEnclaveEnd) return -EPERM;
    ThreadStart start{};
    start.registers = *frame;
    start.registers.rax = 0;
    if (wanted.stack != 0) start.registers.rsp = wanted.stack + wanted.stack_size;
    if (flags & CLONE_SETTLS) {
        start.fs_base = wanted.tls;
    } else {
        asm volatile("rdfsbase %0" : "=r"(start.fs_base));
    }
    if (flags & CLONE_PARENT_SETTID) start.id_address = wanted.parent_tid;
    if (flags & CLONE_CHILD_SETTID) start.child_id_address = wanted.child_tid;
    if (flags & CLONE_CHILD_CLEARTID) start.clear_child_id = wanted.child_tid;
    return process().threads.create(start);
}

std::int64_t sys_clone(Frame* frame) {
    constexpr std::uint64_t kSignalMask = 0xff;  // of who is told of the end: nobody, for a thread
    clone_args wanted{};
    wanted.flags = frame->rdi & 0xffff'ffff & ~kSignalMask;
    wanted.stack = frame->rsi;
    wanted.parent_tid = frame->rdx;
    wanted.child_tid = frame->r10;
    wanted.tls = frame->r8;
    return clone_thread(frame, wanted);
}

std::int64_t sys_clone3(Frame* frame) {
    const std::uint64_t size = frame->rsi;
    if (size > abi::kPageSize) return -E2BIG;
    if (size < CLONE_ARGS_SIZE_VER0) return -EINVAL;
    clone_args wanted{};
    if (!copy_in(&wanted, frame->rdi, std::min<std::uint64_t>(size, sizeof(wanted)))) return -EFAULT;
    for (std::uint64_t at = sizeof(wanted); at < size; at++) {
        std::uint8_t more;
        if (!get(frame->rdi + at, more)) return -EFAULT;
        if (more != 0) return -E2BIG;
    }
    if ((wanted.stack == 0) != (wanted.stack_size == 0)) return -EINVAL;
    if ((wanted.flags & CLONE_THREAD) && wanted.exit_signal != 0) return -EINVAL;
    if (wanted.set_tid_size != 0) return -EPERM;
    return clone_thread(frame, wanted);
}

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

// The list of robust futexes (get_robust_list(2)); the program may have made it
// anything.
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

std::int64_t sys_exit(int status) {
    Process& p = process();
    Thread& thread = this_thread();
    if (&thread == &p.threads.first()) p.first_status = status;
    if (p.threads.count() == 1) p.exit(p.first_status);
    release_robust_list(thread);
    // Its stack is free from here on: the rest happens on the runtime's.
    if (thread.clear_child_id != 0 && put(thread.clear_child_id, 0) == 0) {
        wake_futex(thread.clear_child_id, 1);
    }
    p.threads.exit();
}

std::int64_t sys_exit_group(int status) {
    process().exit(status);
}

std::int64_t sys_gettid(Frame*) {
    return this_thread().id;
}
std::int64_t sys_set_tid_address(std::uint64_t address) {
    this_thread().clear_child_id = address;
    return this_thread().id;
}

std::int64_t sys_arch_prctl(int code, std::uint64_t value) {
    constexpr int kSetGs = 0x1001, kSetFs = 0x1002, kGetFs = 0x1003, kGetGs = 0x1004;
    switch (code) {
        case kSetFs:
            if (value >= abi::kEnclaveEnd) return -EPERM;
            asm volatile("wrfsbase %0" ::"r"(value));
            return 0;
        case kGetFs: {
            std::uint64_t base;
            asm volatile("rdfsbase %0" : "=r"(base));
            return put(value, base);
        }
        case kGetGs:
            return put(value, std::uint64_t{0});
        case kSetGs:
            return -EPERM;  // the runtime's
        default:
            return -EINVAL;
    }
}

std::int64_t sys_prctl(int option, std::uint64_t a) {
    switch (option) {
        case PR_SET_NAME: {
            char name[16];
            const long size = guarded_string(name, reinterpret_cast<const char*>(a), sizeof(name) - 1);
            if (size < 0) return -EFAULT;
            this_thread().name.assign(name, static_cast<std::size_t>(size));
            return 0;
        }
        case PR_GET_NAME: {
            char name[16]{};
            const std::string& present = this_thread().name;
            std::memcpy(name, present.data(), std::min<std::size_t>(present.size(), 15));
            return put(a, name);
        }
        case PR_GET_DUMPABLE:
            return 0;
        case PR_SET_DUMPABLE:
        case PR_SET_NO_NEW_PRIVS:
            return 0;
        case PR_GET_NO_NEW_PRIVS:
            return 1;
        case PR_SET_PDEATHSIG:
            return 0;
        default:
            return -EINVAL;
    }
}

std::int64_t sys_set_robust_list(Address head, std::uint64_t size) {
    if (size != sizeof(robust_list_head)) return -EINVAL;
    this_thread().robust_list = head;
    return 0;
}
std::int64_t sys_get_robust_list(std::uint32_t id, Address head, Address size) {
    const Thread* thread = id == 0 ? &this_thread() : process().threads.find(id);
    if (thread == nullptr) return -ESRCH;
    TRY_ERRNO(put(size, std::uint64_t{sizeof(robust_list_head)}));
    return put(head, thread->robust_list);
}

std::int64_t sys_rseq(Frame*) {
    return -ENOSYS;
}
std::int64_t sys_membarrier(int command) {
    return command == 0 ? 0 : -EINVAL;
}

std::int64_t sys_sched_yield(Frame*) {
    kernel_call(abi::Call::kYield);
    return 0;
}

}  // namespace

ENCLAVISOR_CALL(clone)
ENCLAVISOR_CALL(clone3)
ENCLAVISOR_CALL(exit)
ENCLAVISOR_CALL(exit_group)
ENCLAVISOR_FREE_CALL(gettid)
ENCLAVISOR_FREE_CALL(set_tid_address)
ENCLAVISOR_FREE_CALL(arch_prctl)
ENCLAVISOR_CALL(prctl)
ENCLAVISOR_FREE_CALL(set_robust_list)
ENCLAVISOR_CALL(get_robust_list)
ENCLAVISOR_FREE_CALL(rseq)
ENCLAVISOR_FREE_CALL(membarrier)
ENCLAVISOR_FREE_CALL(sched_yield)

}  // namespace enclavisor::runtime
