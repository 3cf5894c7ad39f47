// Waiting for descriptors. Files inside the enclave are always ready; for the
// host's, descriptors are translated there and back.
#include <poll.h>
#include <sys/select.h>

#include <vector>

#include "runtime/calls/call.hpp"
#include "runtime/host/host.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kMaxPolled = 4096;
constexpr std::uint64_t kForever = ~0ull;

// Fills in `revents`; how many are not 0, or -errno.
std::int64_t poll_all(std::vector<pollfd>& polled, std::uint64_t timeout) {
    std::vector<pollfd> at_host;
    std::vector<Ref<OpenFile>> held;  // another thread may close what is waited for
    std::vector<std::size_t> origin;
    std::int64_t ready = 0;
    for (std::size_t i = 0; i < polled.size(); i++) {
        polled[i].revents = 0;
        if (polled[i].fd < 0) continue;
        Ref<OpenFile> file = process().files.hold(static_cast<Fd>(polled[i].fd));
        if (file && file->host_fd() >= 0) {
            at_host.push_back({file->host_fd(), polled[i].events, 0});
            origin.push_back(i);
            held.push_back(std::move(file));
            continue;
        }
        constexpr short kAlways = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
        polled[i].revents = !file ? short{POLLNVAL} : static_cast<short>(polled[i].events & kAlways);
        ready += polled[i].revents != 0;
    }
    if (ready > 0) timeout = 0;
    if (at_host.empty()) {
        if (ready > 0 || timeout == 0) return ready;
        const std::uint64_t deadline = timeout == kForever ? 0 : process().clock.deadline(timeout);
        return sleep(deadline) == Slept::kSignal ? -EINTR : 0;
    }
    const timespec wait = to_timespec(timeout == kForever ? 0 : timeout);
    TRY_ERRNO(forward(abi::ForwardedCall::kPoll, at_host.data(), at_host.size(),
                      timeout == kForever ? nullptr : &wait));
    for (std::size_t i = 0; i < at_host.size(); i++) {
        pollfd& entry = polled[origin[i]];
        entry.revents =
            static_cast<short>(at_host[i].revents & (entry.events | POLLERR | POLLHUP | POLLNVAL));
        ready += entry.revents != 0;
    }
    // Without a timeout nothing but an event ends the wait, whatever the host says.
    return ready == 0 && timeout == kForever ? -EINTR : ready;
}

// A signal mask for the time of the wait only.
class WithMask {
public:
    std::int64_t set(Address mask_address, std::uint64_t size) {
        std::uint64_t mask;
        if (mask_address == 0) return 0;
        if (size != sizeof(mask)) return -EINVAL;
        if (!get(mask_address, mask)) return -EFAULT;
        this_thread().signals.suspend();
        set_signal_mask(mask);
        return 0;
    }
    // The wait's result. After EINTR the old mask comes back with the end of the handler.
    std::int64_t end(std::int64_t result) {
        ThreadSignals& signals = this_thread().signals;
        if (signals.suspended() && !(result == -EINTR && this_thread().has_signal())) {
            set_signal_mask(signals.stop_suspending());
        }
        return result;
    }
};

std::int64_t poll_array(Address array, std::uint64_t count, std::uint64_t timeout) {
    if (count > kMaxPolled) return -EINVAL;
    std::vector<pollfd> polled(count);
    if (!copy_in(polled.data(), array, count * sizeof(pollfd))) return -EFAULT;
    const std::int64_t ready = TRY_ERRNO(poll_all(polled, timeout));
    for (std::uint64_t i = 0; i < count; i++) {
        TRY_ERRNO(put(array + i * sizeof(pollfd) + offsetof(pollfd, revents), polled[i].revents));
    }
    return ready;
}

std::int64_t sys_poll(Address array, std::uint32_t count, int milliseconds) {
    return poll_array(array, count,
                      milliseconds < 0 ? kForever : static_cast<std::uint64_t>(milliseconds) * 1'000'000);
}

std::int64_t get_timeout(Address from, std::uint64_t& timeout) {
    timespec time;
    timeout = kForever;
    if (from == 0) return 0;
    if (!get(from, time)) return -EFAULT;
    return to_nanoseconds(time, timeout) ? 0 : -EINVAL;
}

std::int64_t sys_ppoll(Address array, std::uint32_t count, Address time, Address mask, std::uint64_t size) {
    std::uint64_t timeout;
    TRY_ERRNO(get_timeout(time, timeout));
    WithMask with_mask;
    TRY_ERRNO(with_mask.set(mask, size));
    return with_mask.end(poll_array(array, count, timeout));
}

// select by poll: the three sets become one array and come back.
class Sets {
public:
    static constexpr short kAsked[3] = {POLLIN, POLLOUT, POLLPRI};
    static constexpr short kMeans[3] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI};

    std::int64_t get(int count, const Address (&from)[3]) {
        bytes_ = static_cast<std::size_t>((count + 63) / 64 * 8);
        for (int s = 0; s < 3; s++) {
            if (from[s] != 0 && !copy_in(&sets_[s], from[s], bytes_)) return -EFAULT;
        }
        for (int fd = 0; fd < count; fd++) {
            short events = 0;
            for (int s = 0; s < 3; s++) events |= FD_ISSET(fd, &sets_[s]) ? kAsked[s] : short{0};
            if (events != 0) polled.push_back({fd, events, 0});
        }
        return 0;
    }

    std::int64_t put(const Address (&to)[3]) {
        std::int64_t ready = 0;
        fd_set results[3]{};
        for (const pollfd& entry : polled) {
            if (entry.revents & POLLNVAL) return -EBADF;
            for (int s = 0; s < 3; s++) {
                if (!FD_ISSET(entry.fd, &sets_[s]) || !(entry.revents & kMeans[s])) continue;
                FD_SET(entry.fd, &results[s]);
                ready++;
            }
        }
        for (int s = 0; s < 3; s++) {
            if (to[s] != 0 && !copy_out(to[s], &results[s], bytes_)) return -EFAULT;
        }
        return ready;
    }

    std::vector<pollfd> polled;

private:
    fd_set sets_[3]{};
    std::size_t bytes_ = 0;
};

std::int64_t select_sets(int count, const Address (&addresses)[3], std::uint64_t timeout) {
    if (count < 0) return -EINVAL;
    Sets sets;
    TRY_ERRNO(sets.get(std::min(count, FD_SETSIZE), addresses));
    TRY_ERRNO(poll_all(sets.polled, timeout));
    return sets.put(addresses);
}

std::int64_t sys_select(int count, Address in, Address out, Address except, Address time) {
    std::uint64_t timeout = kForever;
    timeval given;
    if (time != 0) {
        if (!get(time, given)) return -EFAULT;
        if (given.tv_usec < 0 ||
            !to_nanoseconds({given.tv_sec + given.tv_usec / 1'000'000, given.tv_usec % 1'000'000 * 1000},
                            timeout)) {
            return -EINVAL;
        }
    }
    const std::uint64_t start = process().clock.read(ClockKind::kMonotonic);
    const std::int64_t ready = TRY_ERRNO(select_sets(count, {in, out, except}, timeout));
    if (time != 0) {
        const std::uint64_t gone = process().clock.read(ClockKind::kMonotonic) - start;
        const timespec left = to_timespec(timeout > gone ? timeout - gone : 0);
        TRY_ERRNO(put(time, timeval{left.tv_sec, left.tv_nsec / 1000}));
    }
    return ready;
}

std::int64_t sys_pselect6(int count, Address in, Address out, Address except, Address time,
                          Address mask_pair) {
    std::uint64_t timeout;
    TRY_ERRNO(get_timeout(time, timeout));
    std::uint64_t mask[2] = {0, 0};  // address, size
    if (mask_pair != 0 && !get(mask_pair, mask)) return -EFAULT;
    WithMask with_mask;
    TRY_ERRNO(with_mask.set(mask[0], mask[1]));
    return with_mask.end(select_sets(count, {in, out, except}, timeout));
}

}  // namespace

ENCLAVISOR_CALL(poll)
ENCLAVISOR_CALL(ppoll)
ENCLAVISOR_CALL(select)
ENCLAVISOR_CALL(pselect6)

}  // namespace enclavisor::runtime
