// Process and thread: ending, TLS, limits, scheduling, randomness.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>

#include <cstring>

#include "runtime/calls/call.hpp"
#include "runtime/files/devices.hpp"
#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {
namespace {

std::int64_t sys_exit(int status) {
    process().exit(status);
}
std::int64_t sys_exit_group(int status) {
    process().exit(status);
}

std::int64_t sys_set_tid_address(std::uint64_t address) {
    process().clear_child_thread = address;
    return process().pid;
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
            process().name.assign(name, static_cast<std::size_t>(size));
            return 0;
        }
        case PR_GET_NAME: {
            char name[16]{};
            std::memcpy(name, process().name.data(), std::min<std::size_t>(process().name.size(), 15));
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

// No other thread: robust futexes never have to be released.
std::int64_t sys_set_robust_list(std::uint64_t, std::uint64_t size) {
    return size == 24 ? 0 : -EINVAL;
}
std::int64_t sys_get_robust_list(Frame*) {
    return -EPERM;
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
std::int64_t sys_sched_getaffinity(std::int32_t pid, std::uint64_t size, Address to) {
    if (pid != 0 && static_cast<std::uint32_t>(pid) != process().pid) return -ESRCH;
    if (size < 8 || size % 8 != 0) return -EINVAL;
    TRY_ERRNO(put(to, std::uint64_t{1}));
    return 8;
}
std::int64_t sys_sched_setaffinity(std::int32_t, std::uint64_t size, Address from) {
    std::uint64_t mask = 0;
    if (!copy_in(&mask, from, std::min<std::uint64_t>(size, sizeof(mask)))) return -EFAULT;
    return mask & 1 ? 0 : -EINVAL;
}
std::int64_t sys_sched_getscheduler(Frame*) {
    return 0;
}
std::int64_t sys_sched_setscheduler(std::int32_t, int policy) {
    return policy == 0 ? 0 : -EPERM;
}
std::int64_t sys_sched_getparam(std::int32_t, Address to) {
    return put(to, 0);
}
std::int64_t sys_sched_setparam(Frame*) {
    return 0;
}
std::int64_t sys_sched_get_priority_max(int policy) {
    return policy == 1 || policy == 2 ? 99 : 0;
}
std::int64_t sys_sched_get_priority_min(int policy) {
    return policy == 1 || policy == 2 ? 1 : 0;
}
std::int64_t sys_getpriority(Frame*) {
    return 20;
}
std::int64_t sys_setpriority(int, int, int value) {
    return value >= 0 ? 0 : -EACCES;
}
std::int64_t sys_getcpu(Address cpu, Address node) {
    if (cpu != 0) TRY_ERRNO(put(cpu, 0));
    return node != 0 ? put(node, 0) : 0;
}

rlimit limit_of(int resource) {
    constexpr rlim_t kMostFiles = 1 << 20;
    switch (resource) {
        case RLIMIT_STACK:
            return {process().config.options.stack_size, process().config.options.stack_size};
        case RLIMIT_NOFILE:
            return {process().files.limit(), kMostFiles};
        case RLIMIT_CORE:
            return {0, 0};
        case RLIMIT_NPROC:
            return {1, 1};
        default:
            return {RLIM_INFINITY, RLIM_INFINITY};
    }
}

std::int64_t limits(int resource, Address new_limit, Address old_limit) {
    if (resource < 0 || resource >= RLIM_NLIMITS) return -EINVAL;
    const rlimit now = limit_of(resource);
    if (new_limit != 0) {
        rlimit wanted;
        if (!get(new_limit, wanted)) return -EFAULT;
        if (wanted.rlim_cur > wanted.rlim_max) return -EINVAL;
        if (wanted.rlim_max > now.rlim_max) return -EPERM;
        // Only this one has an effect that can be had here.
        if (resource == RLIMIT_NOFILE) process().files.set_limit(wanted.rlim_cur);
    }
    return old_limit != 0 ? put(old_limit, now) : 0;
}

std::int64_t sys_getrlimit(int resource, Address to) {
    return limits(resource, 0, to);
}
std::int64_t sys_setrlimit(int resource, Address from) {
    return limits(resource, from, 0);
}
std::int64_t sys_prlimit64(std::int32_t pid, int resource, Address from, Address to) {
    if (pid != 0 && static_cast<std::uint32_t>(pid) != process().pid) return -ESRCH;
    return limits(resource, from, to);
}

std::int64_t sys_getrusage(int who, Address to) {
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD) return -EINVAL;
    rusage usage{};
    if (who != RUSAGE_CHILDREN) {
        const timespec used = process().clock.now(ClockKind::kProcess);
        usage.ru_utime = {used.tv_sec, used.tv_nsec / 1000};
    }
    return put(to, usage);
}

std::int64_t sys_times(Address to) {
    constexpr std::uint64_t kTick = kNanoseconds / 100;
    if (to != 0) {
        tms used{};
        used.tms_utime = static_cast<clock_t>(process().clock.read(ClockKind::kProcess) / kTick);
        TRY_ERRNO(put(to, used));
    }
    return static_cast<std::int64_t>(process().clock.read(ClockKind::kMonotonic) / kTick);
}

std::int64_t sys_sysinfo(Address to) {
    struct sysinfo info {};
    info.uptime = process().clock.now(ClockKind::kMonotonic).tv_sec;
    info.totalram = process().memory.limit();
    info.freeram = info.totalram / 2;
    info.procs = 1;
    info.mem_unit = 1;
    return put(to, info);
}

std::int64_t sys_getrandom(Address to, std::uint64_t size, unsigned flags) {
    if (flags & ~7u) return -EINVAL;
    return fill_random({to, std::min<std::uint64_t>(size, 0x7ffff000)});
}

}  // namespace

ENCLAVISOR_CALL(exit)
ENCLAVISOR_CALL(exit_group)
ENCLAVISOR_CALL(set_tid_address)
ENCLAVISOR_CALL(arch_prctl)
ENCLAVISOR_CALL(prctl)
ENCLAVISOR_CALL(set_robust_list)
ENCLAVISOR_CALL(get_robust_list)
ENCLAVISOR_CALL(rseq)
ENCLAVISOR_CALL(membarrier)
ENCLAVISOR_CALL(sched_yield)
ENCLAVISOR_CALL(sched_getaffinity)
ENCLAVISOR_CALL(sched_setaffinity)
ENCLAVISOR_CALL(sched_getscheduler)
ENCLAVISOR_CALL(sched_setscheduler)
ENCLAVISOR_CALL(sched_getparam)
ENCLAVISOR_CALL(sched_setparam)
ENCLAVISOR_CALL(sched_get_priority_max)
ENCLAVISOR_CALL(sched_get_priority_min)
ENCLAVISOR_CALL(getpriority)
ENCLAVISOR_CALL(setpriority)
ENCLAVISOR_CALL(getcpu)
ENCLAVISOR_CALL(getrlimit)
ENCLAVISOR_CALL(setrlimit)
ENCLAVISOR_CALL(prlimit64)
ENCLAVISOR_CALL(getrusage)
ENCLAVISOR_CALL(times)
ENCLAVISOR_CALL(sysinfo)
ENCLAVISOR_CALL(getrandom)

}  // namespace enclavisor::runtime
