#include "runtime/threads/wait.hpp"

#include <algorithm>

#include "runtime/objects/object_file.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {

QueuePlace::~QueuePlace() {
    if (queue_ != nullptr) queue_->remove(*this);
    __atomic_store_n(&thread_->notified, 0, __ATOMIC_RELAXED);
}

void QueuePlace::join(WaitQueue& queue, short events) {
    interest = events;
    queue_ = &queue;
    queue.add(*this);
}

void QueuePlace::notify(short) {
    if (thread_->was_notified()) return;
    __atomic_store_n(&thread_->notified, 1, __ATOMIC_RELAXED);
    if (thread_ == &this_thread()) return;
    wake(*thread_);
    if (thread_->waits_at_host) kernel_call(abi::Call::kInterrupt, thread_->number);
}

std::uint64_t earlier(std::uint64_t deadline, std::uint64_t other) {
    if (deadline == kNoDeadline || other == kNoDeadline) return std::max(deadline, other);
    return std::min(deadline, other);
}

bool passed(std::uint64_t deadline) {
    return deadline != kNoDeadline && system().clock.read(ClockKind::kMonotonic) >= deadline;
}

std::uint64_t nanoseconds_to(std::uint64_t deadline) {
    const std::uint64_t now = system().clock.read(ClockKind::kMonotonic);
    return deadline > now ? deadline - now : 0;
}

std::uint64_t deadline_after(std::uint64_t nanoseconds) {
    if (nanoseconds == 0) return kNoDeadline;
    std::uint64_t deadline;
    const std::uint64_t now = system().clock.read(ClockKind::kMonotonic);
    return __builtin_add_overflow(now, nanoseconds, &deadline) ? ~0ull : deadline;
}

void begin_look() {
    __atomic_store_n(&this_thread().notified, 0, __ATOMIC_RELAXED);
}

Slept sleep_until(std::uint64_t deadline) {
    if (this_thread().was_notified()) return Slept::kWoken;
    return sleep(deadline == kNoDeadline ? 0 : system().clock.deadline(nanoseconds_to(deadline)));
}

std::int64_t wait_for(OpenFile& file, short events, std::uint64_t deadline) {
    QueuePlace place;
    place.join(*file.queue(), events);
    begin_look();
    // A change of the file itself by time is no timeout.
    const std::uint64_t wakes = earlier(deadline, file.refresh());
    if (sleep_until(wakes) == Slept::kSignal) return deadline != kNoDeadline ? -EINTR : restart_call();
    return passed(deadline) && !this_thread().was_notified() ? -EAGAIN : 0;
}

}  // namespace enclavisor::runtime
