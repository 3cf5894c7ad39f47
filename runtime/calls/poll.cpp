// poll and select, over files of the enclave and the host's alike.
#include <poll.h>
#include <sys/select.h>

#include <vector>

#include "runtime/calls/waiting.hpp"
#include "runtime/objects/object_file.hpp"

namespace enclavisor::runtime {
namespace {

// What any I/O area can carry.
constexpr std::uint64_t kMostAtHost = 8192;

// What is polled, sorted by who knows about it.
class Polled {
public:
    explicit Polled(std::vector<pollfd>& entries) : entries_{entries} {
        files_.reserve(entries.size());
        for (const pollfd& entry : entries) {
            files_.push_back(entry.fd < 0 ? Ref<OpenFile>{}
                                          : process().files->hold(static_cast<Fd>(entry.fd)));
        }
    }

    // Fills in `revents`; how many are not 0, or -errno.
    std::int64_t wait(std::uint64_t deadline) {
        std::vector<QueuePlace> places(join(nullptr));
        join(&places);
        for (int empty = 0;; empty++) {
            begin_look();
            std::uint64_t wakes = deadline;
            const std::int64_t ready = look_inside(wakes);
            std::int64_t at_host = 0;
            if (!at_host_.empty()) {
                if (at_host_.size() > kMostAtHost) return -EINVAL;
                at_host = ask_host(ready == 0, wakes);
                if (at_host < 0 && at_host != -EINTR) return at_host;
            }
            if (ready + std::max<std::int64_t>(at_host, 0) > 0)
                return ready + std::max<std::int64_t>(at_host, 0);
            if (passed(deadline)) return 0;
            if (this_thread().has_signal() || empty == kMostEmptyAnswers) return -EINTR;
            if (at_host_.empty()) {
                if (sleep_until(wakes) == Slept::kSignal) return -EINTR;
                empty = 0;
            }
            if (this_thread().was_notified() || wakes != kNoDeadline) empty = 0;
        }
    }

private:
    // How many have a queue; with `places`: joins them.
    std::size_t join(std::vector<QueuePlace>* places) {
        std::size_t count = 0;
        for (std::size_t i = 0; i < entries_.size(); i++) {
            WaitQueue* queue = files_[i] ? files_[i]->queue() : nullptr;
            if (queue == nullptr) continue;
            if (places != nullptr) (*places)[count].join(*queue, entries_[i].events);
            count++;
        }
        return count;
    }

    // Also collects what the host is to be asked about, and says when time changes something.
    std::int64_t look_inside(std::uint64_t& wakes) {
        std::int64_t ready = 0;
        at_host_.clear();
        origins_.clear();
        for (std::size_t i = 0; i < entries_.size(); i++) {
            pollfd& entry = entries_[i];
            entry.revents = 0;
            if (entry.fd < 0) continue;
            if (!files_[i]) {
                entry.revents = POLLNVAL;
            } else {
                const int host = files_[i]->poll_fd();
                wakes = earlier(wakes, files_[i]->refresh());
                entry.revents = static_cast<short>(files_[i]->readiness() & (entry.events | kAlwaysTold));
                if (host >= 0 && entry.revents == 0) {
                    at_host_.push_back({host, entry.events, 0});
                    origins_.push_back(i);
                }
            }
            ready += entry.revents != 0;
        }
        return ready;
    }

    std::int64_t ask_host(bool may_wait, std::uint64_t wakes) {
        TRY_ERRNO(wait_at_host(may_wait, wakes, abi::ForwardedCall::kPoll, at_host_.data(), at_host_.size()));
        std::int64_t ready = 0;
        for (std::size_t i = 0; i < at_host_.size(); i++) {
            pollfd& entry = entries_[origins_[i]];
            entry.revents = static_cast<short>(at_host_[i].revents & (entry.events | kAlwaysTold | POLLNVAL));
            ready += entry.revents != 0;
        }
        return ready;
    }

    std::vector<pollfd>& entries_;
    std::vector<Ref<OpenFile>> files_;  // another thread may close what is waited for
    std::vector<pollfd> at_host_;
    std::vector<std::size_t> origins_;  // of those in `entries_`
};

std::int64_t poll_all(std::vector<pollfd>& entries, std::uint64_t deadline) {
    return Polled{entries}.wait(deadline);
}

std::int64_t poll_array(Address array, std::uint64_t count, std::uint64_t deadline) {
    if (count > process().files->limit()) return -EINVAL;
    std::vector<pollfd> polled(count);
    if (!copy_in(polled.data(), array, count * sizeof(pollfd))) return -EFAULT;
    const std::int64_t ready = TRY_ERRNO(poll_all(polled, deadline));
    for (std::uint64_t i = 0; i < count; i++) {
        TRY_ERRNO(put(array + i * sizeof(pollfd) + offsetof(pollfd, revents), polled[i].revents));
    }
    return ready;
}

std::int64_t sys_poll(Address array, std::uint32_t count, int milliseconds) {
    return poll_array(array, count, deadline_of_milliseconds(milliseconds));
}

// ppoll says what is left of its timeout, unless that cannot be written.
void put_rest(Address time, std::uint64_t deadline) {
    if (time != 0) runtime::put(time, to_timespec(nanoseconds_to(deadline)));
}

std::int64_t sys_ppoll(Address array, std::uint32_t count, Address time, Address mask, std::uint64_t size) {
    std::uint64_t deadline;
    TRY_ERRNO(get_deadline(time, deadline));
    WithMask with_mask;
    TRY_ERRNO(with_mask.set(mask, size));
    const std::int64_t result = with_mask.end(poll_array(array, count, deadline));
    put_rest(time, deadline);
    return result;
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

std::int64_t select_sets(int count, const Address (&addresses)[3], std::uint64_t deadline) {
    if (count < 0) return -EINVAL;
    Sets sets;
    TRY_ERRNO(sets.get(std::min(count, FD_SETSIZE), addresses));
    TRY_ERRNO(poll_all(sets.polled, deadline));
    return sets.put(addresses);
}

std::int64_t sys_select(int count, Address in, Address out, Address except, Address time) {
    std::uint64_t deadline = kNoDeadline, nanoseconds;
    timeval given;
    if (time != 0) {
        if (!get(time, given)) return -EFAULT;
        if (given.tv_usec < 0 ||
            !to_nanoseconds({given.tv_sec + given.tv_usec / 1'000'000, given.tv_usec % 1'000'000 * 1000},
                            nanoseconds)) {
            return -EINVAL;
        }
        deadline = deadline_of(nanoseconds);
    }
    const std::int64_t result = select_sets(count, {in, out, except}, deadline);
    if (time != 0) {
        const timespec left = to_timespec(nanoseconds_to(deadline));
        runtime::put(time, timeval{left.tv_sec, left.tv_nsec / 1000});
    }
    return result;
}

std::int64_t sys_pselect6(int count, Address in, Address out, Address except, Address time,
                          Address mask_pair) {
    std::uint64_t deadline;
    TRY_ERRNO(get_deadline(time, deadline));
    std::uint64_t mask[2] = {0, 0};  // address, size
    if (mask_pair != 0 && !get(mask_pair, mask)) return -EFAULT;
    WithMask with_mask;
    TRY_ERRNO(with_mask.set(mask[0], mask[1]));
    const std::int64_t result = with_mask.end(select_sets(count, {in, out, except}, deadline));
    put_rest(time, deadline);
    return result;
}

}  // namespace

std::uint64_t deadline_of(std::uint64_t nanoseconds) {
    constexpr std::uint64_t kLongAgo = 1;
    return nanoseconds == 0 ? kLongAgo : deadline_after(nanoseconds);
}

std::uint64_t deadline_of_milliseconds(int milliseconds) {
    return milliseconds < 0 ? kNoDeadline : deadline_of(static_cast<std::uint64_t>(milliseconds) * 1'000'000);
}

std::int64_t get_deadline(Address from, std::uint64_t& deadline) {
    std::uint64_t nanoseconds;
    deadline = kNoDeadline;
    if (from == 0) return 0;
    TRY_ERRNO(get_nanoseconds(from, nanoseconds));
    deadline = deadline_of(nanoseconds);
    return 0;
}

ENCLAVISOR_CALL(poll)
ENCLAVISOR_CALL(ppoll)
ENCLAVISOR_CALL(select)
ENCLAVISOR_CALL(pselect6)

}  // namespace enclavisor::runtime
