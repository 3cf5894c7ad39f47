// Scheduling policies, priorities and processors (sched(7), setpriority(2)).
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "runtime/calls/call.hpp"

namespace enclavisor::runtime {
namespace {

constexpr int kDeadline = 6;  // SCHED_DEADLINE
constexpr int kMostPriority = 99;

bool is_real_time(int policy) {
    return policy == SCHED_FIFO || policy == SCHED_RR;
}
bool is_known(int policy) {
    return is_real_time(policy) || policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

// 0: the caller. -EINVAL or -ESRCH.
std::int64_t find_thread(std::int32_t id, Thread*& thread) {
    if (id < 0) return -EINVAL;
    thread = id == 0 ? &this_thread() : system().threads.find(static_cast<std::uint32_t>(id));
    return thread == nullptr ? -ESRCH : 0;
}

bool may_change(const Process& target) {
    const Process& self = process();
    return self.euid == target.uid || self.euid == target.euid || self.may(CAP_SYS_NICE);
}
bool may_be_as_nice(const Process& target, int nice) {
    return process().may(CAP_SYS_NICE) ||
           static_cast<rlim_t>(20 - nice) <= target.limits[RLIMIT_NICE].rlim_cur;
}

// What sched_setscheduler(2) says of privileges.
std::int64_t change(Thread& thread, const Scheduling& wanted) {
    const Process& target = *thread.process;
    const Scheduling& now = thread.scheduling;
    if (!is_known(wanted.policy)) return -EINVAL;
    if (is_real_time(wanted.policy) ? wanted.priority < 1 || wanted.priority > kMostPriority
                                    : wanted.priority != 0)
        return -EINVAL;
    if (!process().may(CAP_SYS_NICE)) {
        const bool nicer = !is_real_time(wanted.policy) && wanted.nice < now.nice;
        if (nicer && !may_be_as_nice(target, wanted.nice)) return -EPERM;
        if (is_real_time(wanted.policy)) {
            const rlim_t most = target.limits[RLIMIT_RTPRIO].rlim_cur;
            if (wanted.policy != now.policy && most == 0) return -EPERM;
            const auto priority = static_cast<rlim_t>(wanted.priority);
            if (wanted.priority > now.priority && priority > most) return -EPERM;
        }
        if (now.policy == SCHED_IDLE && wanted.policy != SCHED_IDLE && !may_be_as_nice(target, now.nice))
            return -EPERM;
        if (!may_change(target) || (now.reset_on_fork && !wanted.reset_on_fork)) return -EPERM;
    }
    thread.scheduling = wanted;
    return 0;
}

std::int64_t sys_sched_setscheduler(std::int32_t id, std::int32_t policy, Address from) {
    if (policy < 0 || from == 0 || id < 0) return -EINVAL;
    Scheduling wanted;
    if (!get(from, wanted.priority)) return -EFAULT;
    Thread* thread = nullptr;
    TRY_ERRNO(find_thread(id, thread));
    wanted.policy = policy & ~SCHED_RESET_ON_FORK;
    wanted.reset_on_fork = (policy & SCHED_RESET_ON_FORK) != 0;
    wanted.nice = thread->scheduling.nice;
    return change(*thread, wanted);
}
std::int64_t sys_sched_setparam(std::int32_t id, Address from) {
    if (from == 0 || id < 0) return -EINVAL;
    int priority = 0;
    if (!get(from, priority)) return -EFAULT;
    Thread* thread = nullptr;
    TRY_ERRNO(find_thread(id, thread));
    Scheduling wanted = thread->scheduling;
    wanted.priority = priority;
    return change(*thread, wanted);
}
std::int64_t sys_sched_getscheduler(std::int32_t id) {
    Thread* thread = nullptr;
    TRY_ERRNO(find_thread(id, thread));
    return thread->scheduling.policy | (thread->scheduling.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}
std::int64_t sys_sched_getparam(std::int32_t id, Address to) {
    if (to == 0) return -EINVAL;
    Thread* thread = nullptr;
    TRY_ERRNO(find_thread(id, thread));
    return put(to, thread->scheduling.priority);
}

std::int64_t sys_sched_get_priority_max(int policy) {
    if (is_real_time(policy)) return kMostPriority;
    return is_known(policy) || policy == kDeadline ? 0 : -EINVAL;
}
std::int64_t sys_sched_get_priority_min(int policy) {
    if (is_real_time(policy)) return 1;
    return is_known(policy) || policy == kDeadline ? 0 : -EINVAL;
}

// struct sched_attr (sched_setattr(2)), as of its second version.
struct Attributes {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
    std::uint32_t least_use, most_use;
};
constexpr std::uint32_t kFirstSize = 48, kMostSize = 4096;
static_assert(sizeof(Attributes) == 56);

std::int64_t get_attributes(Address from, Attributes& attributes) {
    std::uint32_t size;
    if (!get(from, size)) return -EFAULT;
    if (size == 0) size = kFirstSize;
    bool fits = size >= kFirstSize && size <= kMostSize;
    // What this does not know of must be zero.
    for (std::uint64_t at = sizeof(attributes); fits && at < size; at++) {
        std::uint8_t byte;
        if (!get(from + at, byte)) return -EFAULT;
        fits = byte == 0;
    }
    if (!fits) {
        const auto known = static_cast<std::uint32_t>(sizeof(attributes));
        return put(from, known) == 0 ? -E2BIG : -EFAULT;
    }
    attributes = {};
    return copy_in(&attributes, from, std::min<std::uint64_t>(size, sizeof(attributes))) ? 0 : -EFAULT;
}

std::int64_t sys_sched_setattr(std::int32_t id, Address from, std::uint32_t flags) {
    if (from == 0 || id < 0 || flags != 0) return -EINVAL;
    Attributes given;
    TRY_ERRNO(get_attributes(from, given));
    if (static_cast<std::int32_t>(given.policy) < 0 || (given.flags & ~std::uint64_t{SCHED_FLAG_ALL}))
        return -EINVAL;
    Thread* thread = nullptr;
    TRY_ERRNO(find_thread(id, thread));
    Scheduling wanted = thread->scheduling;
    if (!(given.flags & SCHED_FLAG_KEEP_POLICY)) wanted.policy = static_cast<int>(given.policy);
    if (wanted.policy == kDeadline) return -EPERM;
    if (!(given.flags & SCHED_FLAG_KEEP_PARAMS)) {
        wanted.priority = static_cast<int>(given.priority);
        if (!is_real_time(wanted.policy)) wanted.nice = std::clamp(given.nice, -20, 19);
    }
    wanted.reset_on_fork = (given.flags & SCHED_FLAG_RESET_ON_FORK) != 0;
    return change(*thread, wanted);
}
std::int64_t sys_sched_getattr(std::int32_t id, Address to, std::uint32_t size, std::uint32_t flags) {
    if (to == 0 || id < 0 || size > kMostSize || size < kFirstSize || flags != 0) return -EINVAL;
    Thread* thread = nullptr;
    TRY_ERRNO(find_thread(id, thread));
    const Scheduling& now = thread->scheduling;
    Attributes told{};
    told.size = std::min(size, static_cast<std::uint32_t>(sizeof(told)));
    told.policy = static_cast<std::uint32_t>(now.policy);
    if (now.reset_on_fork) told.flags = SCHED_FLAG_RESET_ON_FORK;
    if (is_real_time(now.policy)) {
        told.priority = static_cast<std::uint32_t>(now.priority);
    } else {
        told.nice = now.nice;
    }
    told.most_use = 1024;
    return copy_out(to, &told, told.size) ? 0 : -EFAULT;
}

// What a turn lasts depends on how many wait for theirs; so much, as far as one can tell.
std::int64_t sys_sched_rr_get_interval(std::int32_t id, Address to) {
    Thread* thread = nullptr;
    TRY_ERRNO(find_thread(id, thread));
    constexpr long kTurn = 4'000'000, kRoundRobin = 100'000'000;
    const int policy = thread->scheduling.policy;
    return put(to, timespec{0, policy == SCHED_FIFO ? 0 : policy == SCHED_RR ? kRoundRobin : kTurn});
}

// There is one processor, as far as programs are told.
std::int64_t sys_sched_getaffinity(std::int32_t id, std::uint64_t size, Address to) {
    if (size < 8 || size % 8 != 0) return -EINVAL;
    Thread* thread = nullptr;
    if (find_thread(id, thread) != 0) return -ESRCH;
    TRY_ERRNO(put(to, std::uint64_t{1}));
    return 8;
}
std::int64_t sys_sched_setaffinity(std::int32_t id, std::uint64_t size, Address from) {
    std::uint64_t mask = 0;
    if (!copy_in(&mask, from, std::min<std::uint64_t>(size, sizeof(mask)))) return -EFAULT;
    Thread* thread = nullptr;
    if (find_thread(id, thread) != 0) return -ESRCH;
    if (!may_change(*thread->process)) return -EPERM;
    return mask & 1 ? 0 : -EINVAL;
}
std::int64_t sys_getcpu(Address cpu, Address node) {
    if (cpu != 0) TRY_ERRNO(put(cpu, 0));
    return node != 0 ? put(node, 0) : 0;
}

// Calls with each thread that (which, who) names. -EINVAL: nothing can be meant.
template <typename Visit>
std::int64_t for_each_of(int which, std::int32_t who, Visit visit) {
    const Process& self = process();
    if (which == PRIO_PROCESS) {
        Thread* thread = nullptr;
        if (find_thread(who, thread) == 0) visit(*thread);
        return 0;
    }
    if (which != PRIO_PGRP && which != PRIO_USER) return -EINVAL;
    const auto number = static_cast<std::uint32_t>(who);
    const std::uint32_t wanted = who != 0 ? number : which == PRIO_PGRP ? self.group : self.uid;
    system().processes.for_each([&](const Process& each) {
        if ((which == PRIO_PGRP ? each.group : each.uid) == wanted) {
            system().threads.for_each(each, [&](Thread& thread) {
                visit(thread);
                return false;
            });
        }
        return false;
    });
    return 0;
}

std::int64_t sys_setpriority(int which, std::int32_t who, int value) {
    const int nice = std::clamp(value, -20, 19);
    std::int64_t result = -ESRCH;
    const auto set = [&](Thread& thread) {
        const Process& target = *thread.process;
        if (!may_change(target)) {
            result = -EPERM;
        } else if (nice < thread.scheduling.nice && !may_be_as_nice(target, nice)) {
            result = -EACCES;
        } else {
            if (result == -ESRCH) result = 0;
            thread.scheduling.nice = nice;
        }
    };
    TRY_ERRNO(for_each_of(which, who, set));
    return result;
}
// From 1 to 40, so that it is no error; libc makes it 19 to -20 again.
std::int64_t sys_getpriority(int which, std::int32_t who) {
    std::int64_t highest = -ESRCH;
    TRY_ERRNO(for_each_of(which, who, [&](const Thread& thread) {
        highest = std::max<std::int64_t>(highest, 20 - thread.scheduling.nice);
    }));
    return highest;
}

}  // namespace

ENCLAVISOR_CALL(sched_setscheduler)
ENCLAVISOR_CALL(sched_setparam)
ENCLAVISOR_CALL(sched_getscheduler)
ENCLAVISOR_CALL(sched_getparam)
ENCLAVISOR_CALL(sched_get_priority_max)
ENCLAVISOR_CALL(sched_get_priority_min)
ENCLAVISOR_CALL(sched_setattr)
ENCLAVISOR_CALL(sched_getattr)
ENCLAVISOR_CALL(sched_rr_get_interval)
ENCLAVISOR_CALL(sched_getaffinity)
ENCLAVISOR_CALL(sched_setaffinity)
ENCLAVISOR_FREE_CALL(getcpu)
ENCLAVISOR_CALL(setpriority)
ENCLAVISOR_CALL(getpriority)

}  // namespace enclavisor::runtime
