// The calls that make objects of the enclave (runtime/objects/), and those that only
// such objects know.
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "runtime/calls/call.hpp"
#include "runtime/objects/event_counter.hpp"
#include "runtime/objects/local_socket.hpp"
#include "runtime/objects/pipe.hpp"
#include "runtime/objects/signal_file.hpp"
#include "runtime/objects/timer_file.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {
namespace {

using Pair = std::pair<Ref<OpenFile>, Ref<OpenFile>>;

std::int64_t add_pair(const Pair& pair, bool close_on_exec, Address to) {
    Descriptors& files = *process().files;
    const std::int64_t first = files.add(pair.first, close_on_exec);
    const std::int64_t second = files.add(pair.second, close_on_exec);
    const std::int32_t numbers[2] = {static_cast<std::int32_t>(first), static_cast<std::int32_t>(second)};
    const std::int64_t result = first < 0 ? first : second < 0 ? second : put(to, numbers);
    if (result < 0) {
        if (first >= 0) files.close(static_cast<std::uint64_t>(first));
        if (second >= 0) files.close(static_cast<std::uint64_t>(second));
    }
    return result;
}

std::int64_t sys_pipe2(Address to, int flags) {
    // O_DIRECT's packets are not there.
    if (flags & ~(O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
    return add_pair(make_pipe(flags & O_NONBLOCK), flags & O_CLOEXEC, to);
}
std::int64_t sys_pipe(Address to) {
    return sys_pipe2(to, 0);
}

std::int64_t sys_socketpair(int domain, int type, int protocol, Address to) {
    constexpr int kTypeBits = 0xf;
    // As Linux: a raw one is of messages.
    const int kind = (type & kTypeBits) == SOCK_RAW ? SOCK_DGRAM : type & kTypeBits;
    if (type & ~(kTypeBits | SOCK_CLOEXEC | SOCK_NONBLOCK)) return -EINVAL;
    if (domain != AF_UNIX) return domain == AF_INET || domain == AF_INET6 ? -EOPNOTSUPP : -EAFNOSUPPORT;
    if (protocol != 0 && protocol != PF_UNIX) return -EPROTONOSUPPORT;
    if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET) return -ESOCKTNOSUPPORT;
    return add_pair(make_socket_pair(kind, type & SOCK_NONBLOCK), type & SOCK_CLOEXEC, to);
}

std::int64_t sys_eventfd2(std::uint32_t count, int flags) {
    if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) return -EINVAL;
    return process().files->add(
        make_ref<EventCounter>(O_RDWR | (flags & O_NONBLOCK), count, flags & EFD_SEMAPHORE),
        flags & EFD_CLOEXEC);
}
std::int64_t sys_eventfd(std::uint32_t count) {
    return sys_eventfd2(count, 0);
}

std::int64_t sys_timerfd_create(int id, int flags) {
    if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) return -EINVAL;
    switch (id) {
        case CLOCK_REALTIME:
        case CLOCK_MONOTONIC:
        case CLOCK_BOOTTIME:
            break;
        case CLOCK_REALTIME_ALARM:
        case CLOCK_BOOTTIME_ALARM:
            return -EPERM;  // there is nothing to be woken up from
        default:
            return -EINVAL;
    }
    return process().files->add(
        make_ref<TimerFile>(O_RDWR | (flags & O_NONBLOCK), system().clock, kind_of_clock(id)),
        flags & TFD_CLOEXEC);
}

// The timer of a descriptor, or return the error from the caller.
#define TRY_TIMER(file)                            \
    ({                                             \
        TimerFile* try_timer_ = (file)->timer();   \
        if (try_timer_ == nullptr) return -EINVAL; \
        try_timer_;                                \
    })

itimerspec setting_of(const TimerFile& timer) {
    return {to_timespec(timer.interval()), to_timespec(timer.left())};
}

std::int64_t sys_timerfd_settime(Fd fd, int flags, Address from, Address old) {
    itimerspec given;
    std::uint64_t first, interval;
    if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) return -EINVAL;
    if (!get(from, given)) return -EFAULT;
    if (!to_nanoseconds(given.it_value, first) || !to_nanoseconds(given.it_interval, interval))
        return -EINVAL;
    const Ref<OpenFile> file = TRY_FILE(fd);
    TimerFile* timer = TRY_TIMER(file);
    const itimerspec before = setting_of(*timer);
    if (first != 0 && !(flags & TFD_TIMER_ABSTIME)) first += timer->now();
    timer->set(first, interval);
    return old != 0 ? put(old, before) : 0;
}

std::int64_t sys_timerfd_gettime(Fd fd, Address to) {
    const Ref<OpenFile> file = TRY_FILE(fd);
    return put(to, setting_of(*TRY_TIMER(file)));
}

std::int64_t sys_signalfd4(int fd, Address from, std::uint64_t size, int flags) {
    std::uint64_t set;
    if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK)) return -EINVAL;
    if (size != sizeof(set)) return -EINVAL;
    if (!get(from, set)) return -EFAULT;
    set &= ~kUnblockable;
    if (fd == -1) {
        return process().files->add(make_ref<SignalFile>(O_RDWR | (flags & O_NONBLOCK), set),
                                    flags & SFD_CLOEXEC);
    }
    const Ref<OpenFile> file = TRY_FILE(static_cast<Fd>(fd));
    if (file->signal_file() == nullptr) return -EINVAL;
    file->signal_file()->set(set);
    return fd;
}
std::int64_t sys_signalfd(int fd, Address from, std::uint64_t size) {
    return sys_signalfd4(fd, from, size, 0);
}

}  // namespace

ENCLAVISOR_CALL(pipe)
ENCLAVISOR_CALL(pipe2)
ENCLAVISOR_CALL(socketpair)
ENCLAVISOR_CALL(eventfd)
ENCLAVISOR_CALL(eventfd2)
ENCLAVISOR_CALL(timerfd_create)
ENCLAVISOR_CALL(timerfd_settime)
ENCLAVISOR_CALL(timerfd_gettime)
ENCLAVISOR_CALL(signalfd)
ENCLAVISOR_CALL(signalfd4)

}  // namespace enclavisor::runtime
