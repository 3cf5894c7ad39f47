#include "kernel/sched/scheduler.hpp"

#include "kernel/kernel.hpp"

namespace enclavisor::kernel {

void Scheduler::make_ready(Thread* thread) {
    if (thread->urgent) {
        ready_.push_front(thread);
    } else {
        ready_.push_back(thread);
    }
}

void Scheduler::wait(Thread* thread, Waiting what, std::uint64_t deadline) {
    thread->waiting = what;
    thread->deadline = deadline;
    if (deadline != 0) timed_++;
    waiting_.push_back(thread);
}

void Scheduler::stop_waiting(Thread* thread) {
    waiting_.remove(thread);
    if (thread->deadline != 0) timed_--;
    thread->deadline = 0;
    thread->waiting = Waiting::kNothing;
}

void Scheduler::wake(Thread* thread, std::int64_t result) {
    stop_waiting(thread);
    thread->registers.rax = static_cast<std::uint64_t>(result);
    make_ready(thread);
}

void Scheduler::forget(Thread* thread) {
    if (thread->waiting != Waiting::kNothing) {
        stop_waiting(thread);
    } else if (thread->queue.linked) {
        ready_.remove(thread);
    }
}

std::uint64_t Scheduler::next_deadline() const {
    std::uint64_t earliest = 0;
    for (const Thread* t = waiting_.first(); t != nullptr; t = t->queue.next) {
        if (t->deadline != 0 && (earliest == 0 || t->deadline < earliest)) earliest = t->deadline;
    }
    return earliest;
}

void Scheduler::wake_expired(std::uint64_t now) {
    Thread* next;
    for (Thread* t = waiting_.first(); t != nullptr; t = next) {
        next = t->queue.next;
        if (t->deadline != 0 && t->deadline <= now)
            wake(t, static_cast<std::int64_t>(abi::CallError::kTimedOut));
    }
}

void wake_for_io(Kernel& kernel) {
    Thread* next;
    for (Thread* t = kernel.scheduler.waiting().first(); t != nullptr; t = next) {
        next = t->queue.next;
        if (t->waiting == Waiting::kIo && kernel.link.io_completed(t->io_area) != t->expected) {
            kernel.scheduler.wake(t, 0);
        }
    }
}

}  // namespace enclavisor::kernel
