// Limits, resource usage, randomness.
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>

#include "runtime/calls/call.hpp"
#include "runtime/files/devices.hpp"

namespace enclavisor::runtime {
namespace {

rlimit& limit_of(Process& target, int resource) {
    rlimit& limit = target.limits[resource];
    // Processes may share their descriptors, and this with them.
    if (resource == RLIMIT_NOFILE && !target.zombie) limit.rlim_cur = target.files->limit();
    return limit;
}

std::int64_t limits(Process& target, int resource, Address new_limit, Address old_limit) {
    if (resource < 0 || resource >= RLIM_NLIMITS) return -EINVAL;
    rlimit& limit = limit_of(target, resource);
    const rlimit before = limit;
    if (new_limit != 0) {
        rlimit wanted;
        if (!get(new_limit, wanted)) return -EFAULT;
        if (wanted.rlim_cur > wanted.rlim_max) return -EINVAL;
        if (resource == RLIMIT_NOFILE && wanted.rlim_max > kMostFiles) return -EPERM;
        if (wanted.rlim_max > before.rlim_max && !process().may(CAP_SYS_RESOURCE)) return -EPERM;
        limit = wanted;
        if (resource == RLIMIT_NOFILE) target.files->set_limit(wanted.rlim_cur);
    }
    return old_limit != 0 ? put(old_limit, before) : 0;
}

std::int64_t sys_getrlimit(int resource, Address to) {
    return limits(process(), resource, 0, to);
}
std::int64_t sys_setrlimit(int resource, Address from) {
    return limits(process(), resource, from, 0);
}
std::int64_t sys_prlimit64(std::int32_t id, int resource, Address from, Address to) {
    if (id == 0) return limits(process(), resource, from, to);
    const Thread* thread = system().threads.find(static_cast<std::uint32_t>(id));
    if (thread == nullptr) return -ESRCH;
    Process& target = *thread->process;
    const Process& own = process();
    const bool same = own.uid == target.uid && own.uid == target.euid && own.uid == target.saved_uid &&
                      own.gid == target.gid && own.gid == target.egid && own.gid == target.saved_gid;
    if (&target != &own && !same && !own.may(CAP_SYS_RESOURCE)) return -EPERM;
    return limits(target, resource, from, to);
}

std::int64_t mapped_kib() {
    std::uint64_t bytes = 0;
    for (const Area& area : process().memory->areas().all()) bytes += area.range.size();
    return static_cast<std::int64_t>(bytes / 1024);
}

std::int64_t sys_getrusage(int who, Address to) {
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD) return -EINVAL;
    rusage usage{};
    const std::uint64_t own = system().clock.read(ClockKind::kMonotonic) - process().began;
    const timespec used = to_timespec(who == RUSAGE_CHILDREN ? process().children_time : own);
    usage.ru_utime = {used.tv_sec, used.tv_nsec / 1000};
    if (who != RUSAGE_CHILDREN) usage.ru_maxrss = mapped_kib();
    return put(to, usage);
}

std::int64_t sys_times(Address to) {
    constexpr std::uint64_t kTick = kNanoseconds / 100;
    if (to != 0) {
        tms used{};
        const std::uint64_t own = system().clock.read(ClockKind::kMonotonic) - process().began;
        used.tms_utime = static_cast<clock_t>(own / kTick);
        used.tms_cutime = static_cast<clock_t>(process().children_time / kTick);
        TRY_ERRNO(put(to, used));
    }
    return static_cast<std::int64_t>(system().clock.read(ClockKind::kMonotonic) / kTick);
}

std::int64_t sys_sysinfo(Address to) {
    struct sysinfo info {};
    info.uptime = system().clock.now(ClockKind::kMonotonic).tv_sec;
    info.totalram = process().memory->limit();
    info.freeram = info.totalram / 2;
    info.procs = static_cast<std::uint16_t>(system().threads.count());
    info.mem_unit = 1;
    return put(to, info);
}

std::int64_t sys_getrandom(Address to, std::uint64_t size, unsigned flags) {
    if (flags & ~7u) return -EINVAL;
    return fill_random({to, std::min<std::uint64_t>(size, 0x7ffff000)});
}

}  // namespace

ENCLAVISOR_CALL(getrlimit)
ENCLAVISOR_CALL(setrlimit)
ENCLAVISOR_CALL(prlimit64)
ENCLAVISOR_CALL(getrusage)
ENCLAVISOR_CALL(times)
ENCLAVISOR_CALL(sysinfo)
ENCLAVISOR_CALL(getrandom)

}  // namespace enclavisor::runtime
