// epoll_create and its relatives.
#include "runtime/objects/epoll.hpp"

#include <limits.h>
#include <sys/epoll.h>

#include <vector>

#include "runtime/calls/waiting.hpp"
#include "runtime/support/buffer.hpp"

namespace enclavisor::runtime {
namespace {

constexpr int kMostEvents = INT_MAX / static_cast<int>(sizeof(epoll_event));
constexpr std::size_t kMostAtOnce = 1024;

std::int64_t sys_epoll_create1(int flags) {
    if (flags & ~EPOLL_CLOEXEC) return -EINVAL;
    return process().files->add(make_ref<Epoll>(O_RDWR), flags & EPOLL_CLOEXEC);
}
std::int64_t sys_epoll_create(int size) {
    return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

bool exclusive_allowed(int operation, const OpenFile& target, std::uint32_t events) {
    constexpr std::uint32_t kWith =
        EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET;
    return operation == EPOLL_CTL_ADD && const_cast<OpenFile&>(target).epoll() == nullptr &&
           !(events & ~kWith);
}

std::int64_t sys_epoll_ctl(Fd at, int operation, Fd fd, Address from) {
    epoll_event event{};
    if (operation != EPOLL_CTL_DEL && !get(from, event)) return -EFAULT;
    const Ref<OpenFile> file = TRY_FILE(at);
    const Ref<OpenFile> target = TRY_FILE(fd);
    if (!target->can_epoll()) return -EPERM;
    Epoll* epoll = file->epoll();
    if (epoll == nullptr || target.get() == file.get()) return -EINVAL;
    if ((event.events & EPOLLEXCLUSIVE) && !exclusive_allowed(operation, *target, event.events))
        return -EINVAL;
    switch (operation) {
        case EPOLL_CTL_ADD:
            return epoll->add(fd, target, event);
        case EPOLL_CTL_MOD:
            return epoll->modify(fd, target, event);
        case EPOLL_CTL_DEL:
            return epoll->remove(fd, target);
        default:
            return -EINVAL;
    }
}

std::int64_t wait(Epoll& epoll, std::vector<epoll_event>& events, std::size_t most, std::uint64_t deadline) {
    QueuePlace place;
    place.join(*epoll.queue(), kReadable);
    Buffer said{most * sizeof(epoll_event)};
    for (int empty = 0;; empty++) {
        begin_look();
        const int host = epoll.poll_fd();
        const std::uint64_t wakes = earlier(deadline, epoll.refresh());
        if (host >= 0) {
            // Neither side keeps the other from being heard.
            const bool inside = epoll.readiness() != 0;
            const std::size_t share = inside ? epoll.share_of_host(most) : most;
            std::int64_t count = 0;
            if (share > 0)
                count =
                    wait_at_host(!inside, wakes, abi::ForwardedCall::kEpollWait, host, said.data(), share);
            if (count < 0 && count != -EINTR) return count;
            const auto* first = reinterpret_cast<const epoll_event*>(said.data());
            if (count > 0) epoll.collect_host({first, static_cast<std::size_t>(count)}, events);
        }
        epoll.collect(events, most);
        if (!events.empty()) return static_cast<std::int64_t>(events.size());
        if (passed(deadline)) return 0;
        if (this_thread().has_signal() || empty == kMostEmptyAnswers) return -EINTR;
        if (host < 0 && sleep_until(wakes) == Slept::kSignal) return -EINTR;
        if (host < 0 || wakes != kNoDeadline || this_thread().was_notified()) empty = 0;
    }
}

std::int64_t wait_for_events(Fd fd, Address to, int most, std::uint64_t deadline) {
    if (most <= 0 || most > kMostEvents) return -EINVAL;
    const Ref<OpenFile> file = TRY_FILE(fd);
    Epoll* epoll = file->epoll();
    if (epoll == nullptr) return -EINVAL;
    std::vector<epoll_event> events;
    const std::int64_t count =
        TRY_ERRNO(wait(*epoll, events, std::min(static_cast<std::size_t>(most), kMostAtOnce), deadline));
    return copy_out(to, events.data(), events.size() * sizeof(epoll_event)) ? count : -EFAULT;
}

std::int64_t sys_epoll_wait(Fd fd, Address to, int most, int milliseconds) {
    return wait_for_events(fd, to, most, deadline_of_milliseconds(milliseconds));
}

std::int64_t wait_with_mask(Fd fd, Address to, int most, std::uint64_t deadline, Address mask,
                            std::uint64_t size) {
    WithMask with_mask;
    TRY_ERRNO(with_mask.set(mask, size));
    return with_mask.end(wait_for_events(fd, to, most, deadline));
}

std::int64_t sys_epoll_pwait(Fd fd, Address to, int most, int milliseconds, Address mask,
                             std::uint64_t size) {
    return wait_with_mask(fd, to, most, deadline_of_milliseconds(milliseconds), mask, size);
}

std::int64_t sys_epoll_pwait2(Fd fd, Address to, int most, Address time, Address mask, std::uint64_t size) {
    std::uint64_t deadline;
    TRY_ERRNO(get_deadline(time, deadline));
    return wait_with_mask(fd, to, most, deadline, mask, size);
}

}  // namespace

ENCLAVISOR_CALL(epoll_create)
ENCLAVISOR_CALL(epoll_create1)
ENCLAVISOR_CALL(epoll_ctl)
ENCLAVISOR_CALL(epoll_wait)
ENCLAVISOR_CALL(epoll_pwait)
ENCLAVISOR_CALL(epoll_pwait2)

}  // namespace enclavisor::runtime
