// Who wants to know when an open file of the enclave changes. Under the runtime's
// lock, as everything here.
#pragma once

#include <poll.h>

#include <cstdint>

#include "base/list.hpp"

namespace enclavisor::runtime {

// What is told of always, asked for or not.
inline constexpr short kAlwaysTold = POLLERR | POLLHUP;
inline constexpr short kReadable = POLLIN | POLLRDNORM;
inline constexpr short kWritable = POLLOUT | POLLWRNORM;

class Waiter {
public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    // Something of `events` may have become true. Changes no queue that led here.
    virtual void notify(short events) = 0;

    base::ListLink<Waiter> link;
    short interest = 0;  // events of poll(2)

protected:
    ~Waiter() = default;
};

class WaitQueue {
public:
    void add(Waiter& waiter) { waiters_.push_back(&waiter); }
    void remove(Waiter& waiter) { waiters_.remove(&waiter); }

    void notify(short events) {
        for (Waiter* w = waiters_.first(); w != nullptr; w = List::next(w)) {
            if (events & (w->interest | kAlwaysTold)) w->notify(events);
        }
    }

private:
    using List = base::List<Waiter, &Waiter::link>;
    List waiters_;
};

// Who watches an open file under a descriptor without holding a reference to it.
struct FileWatch {
    FileWatch(const void* its_owner, std::uint64_t its_fd) : owner{its_owner}, fd{its_fd} {}
    FileWatch(const FileWatch&) = delete;
    // It is closed: to be forgotten. Releases no lock. A descriptor of the host's that is to
    // be closed too, or -1.
    virtual int file_closed() = 0;

    const void* const owner;
    const std::uint64_t fd;
    base::ListLink<FileWatch> link;

protected:
    ~FileWatch() = default;
};

}  // namespace enclavisor::runtime
