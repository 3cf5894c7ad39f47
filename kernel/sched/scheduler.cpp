#include "kernel/sched/scheduler.hpp"

#include "kernel/arch/cpu.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/kernel.hpp"

namespace enclavisor::kernel {

void Scheduler::make_ready(Thread* thread) {
    Enclave* enclave = thread->enclave;
    enclave->ready.push_back(thread);
    if (enclave->runnable.linked || enclave->state == abi::EnclaveState::kPaused) return;
    if (thread->urgent) {
        runnable_.push_front(enclave);
    } else {
        runnable_.push_back(enclave);
    }
}

void Scheduler::set_runnable(Enclave& enclave, bool runnable) {
    if (enclave.ready.empty() || enclave.runnable.linked == runnable) return;
    if (runnable) {
        runnable_.push_back(&enclave);
    } else {
        runnable_.remove(&enclave);
    }
}

Thread* Scheduler::pick() {
    Enclave* enclave = runnable_.pop_front();
    if (enclave == nullptr) return nullptr;
    Thread* thread = enclave->ready.pop_front();
    if (!enclave->ready.empty()) runnable_.push_back(enclave);
    return thread;
}

ThreadQueue& Scheduler::word_queue(const WordKey& key) {
    const std::uint64_t mixed = (key.address >> 2 ^ reinterpret_cast<std::uint64_t>(key.scope) >> 12);
    return words_[(mixed ^ mixed >> 8) % kWordQueues];
}

ThreadQueue& Scheduler::queue_of(Thread* thread) {
    return thread->waiting == Waiting::kWord ? word_queue(thread->key)
                                             : waiting_[static_cast<int>(thread->waiting)];
}

void Scheduler::wait(Thread* thread, Waiting what, std::uint64_t deadline) {
    thread->waiting = what;
    thread->deadline = deadline;
    queue_of(thread).push_back(thread);
    if (deadline == 0) return;
    Thread* before = timed_.last();
    while (before != nullptr && before->deadline > deadline) before = TimedQueue::previous(before);
    timed_.insert_after(before, thread);
}

void Scheduler::stop_waiting(Thread* thread) {
    queue_of(thread).remove(thread);
    if (thread->timed.linked) timed_.remove(thread);
    thread->deadline = 0;
    thread->waiting = Waiting::kNothing;
}

void Scheduler::wake(Thread* thread, std::int64_t result) {
    stop_waiting(thread);
    thread->registers.rax = static_cast<std::uint64_t>(result);
    make_ready(thread);
}

std::uint64_t Scheduler::wake_word(const WordKey& key, std::uint64_t most) {
    std::uint64_t woken = 0;
    Thread* next;
    for (Thread* t = word_queue(key).first(); t != nullptr && woken < most; t = next) {
        next = ThreadQueue::next(t);
        if (t->key != key) continue;
        wake(t, 0);
        woken++;
    }
    return woken;
}

void Scheduler::forget(Thread* thread) {
    if (thread->waiting != Waiting::kNothing) {
        stop_waiting(thread);
    } else if (thread->queue.linked) {
        Enclave* enclave = thread->enclave;
        enclave->ready.remove(thread);
        if (enclave->ready.empty() && enclave->runnable.linked) runnable_.remove(enclave);
    }
}

void Scheduler::wake_expired(std::uint64_t now) {
    while (anyone_timed() && timed_.first()->deadline <= now)
        wake(timed_.first(), static_cast<std::int64_t>(abi::CallError::kTimedOut));
}

void account(PerCpu& cpu) {
    if (cpu.loaded == nullptr) return;
    const std::uint64_t now = arch::read_tsc();
    cpu.loaded->enclave->ticks += now - cpu.loaded_since;
    cpu.loaded_since = now;
}

void wake_for_io(Kernel& kernel) {
    Thread* next;
    for (Thread* t = kernel.scheduler.waiting_for_io().first(); t != nullptr; t = next) {
        next = ThreadQueue::next(t);
        if (kernel.link.word(t->io_word) != t->expected) kernel.scheduler.wake(t, 0);
    }
}

void notify(Kernel& kernel, Enclave& enclave) {
    for (Thread* t = enclave.threads.first(); t != nullptr; t = ThreadList::next(t)) {
        if (t->waiting != Waiting::kIo && t->waiting != Waiting::kCall) continue;
        if (kernel.link.word(t->io_word) != t->expected) kernel.scheduler.wake(t, 0);
    }
}

}  // namespace enclavisor::kernel
