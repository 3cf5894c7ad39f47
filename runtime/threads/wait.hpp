// Waiting for open files: the one way to do it, for calls that block on an object of
// the enclave and for poll, select and epoll. A thread takes places in the queues of the
// objects, looks at them, and sleeps, or asks the host about its files meanwhile; a change
// in a queue ends either. The lock is held, and released only by what says so.
#pragma once

#include <cstdint>

#include "runtime/files/wait_queue.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {

// A place of the calling thread in a queue, for its life.
class QueuePlace final : public Waiter {
public:
    QueuePlace() : thread_{&this_thread()} {}
    ~QueuePlace();
    void join(WaitQueue& queue, short events);
    void notify(short events) override;

private:
    Thread* thread_;
    WaitQueue* queue_ = nullptr;
};

// Deadlines are nanoseconds of the monotonic clock.
inline constexpr std::uint64_t kNoDeadline = 0;
std::uint64_t earlier(std::uint64_t deadline, std::uint64_t other);
bool passed(std::uint64_t deadline);
std::uint64_t nanoseconds_to(std::uint64_t deadline);

// Before the thread looks at what it waits for: changes from here on end its sleep.
void begin_look();
// Until a queue was told of a change since begin_look(), a signal, or the deadline; the
// lock is released meanwhile.
Slept sleep_until(std::uint64_t deadline);

// While it lives, a change also ends a forwarded call that waits.
class WaitingAtHost {
public:
    WaitingAtHost() { this_thread().waits_at_host = true; }
    ~WaitingAtHost() { this_thread().waits_at_host = false; }
    WaitingAtHost(const WaitingAtHost&) = delete;
};

}  // namespace enclavisor::runtime
