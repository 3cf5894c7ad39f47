// Which thread runs. The kernel never blocks inside: an entry into ring 0 runs
// to its end and then leaves with whatever thread is to run next.
//
// Fair between enclaves, not threads: the enclaves that have something to run
// take turns, and within an enclave its threads do.
#pragma once

#include <cstdint>

#include "kernel/enclave/enclave.hpp"
#include "kernel/sched/thread.hpp"

namespace enclavisor::kernel {

struct Kernel;
struct PerCpu;

class Scheduler {
public:
    static constexpr std::uint64_t kSliceNanoseconds = 4'000'000;

    void make_ready(Thread* thread);
    // The current thread sleeps; its kernel call will return what wake() says.
    // Precondition of kWord: thread->key is set.
    void wait(Thread* thread, Waiting what, std::uint64_t deadline);
    void wake(Thread* thread, std::int64_t result);
    // Wakes at most `most` threads that wait for the word.
    std::uint64_t wake_word(const WordKey& key, std::uint64_t most);
    // Takes a thread out of every queue.
    void forget(Thread* thread);

    // Whether the enclave's threads get their turn; a paused one's do not.
    void set_runnable(Enclave& enclave, bool runnable);

    Thread* pick();
    bool anyone_ready() const { return !runnable_.empty(); }
    ThreadQueue& waiting_for_io() { return waiting_[static_cast<int>(Waiting::kIo)]; }

    // Earliest deadline of a sleeper, 0 if there is none.
    std::uint64_t next_deadline() const { return anyone_timed() ? timed_.first()->deadline : 0; }
    void wake_expired(std::uint64_t now);
    bool anyone_timed() const { return !timed_.empty(); }

private:
    static constexpr std::uint64_t kWordQueues = 256;
    ThreadQueue& queue_of(Thread* thread);
    ThreadQueue& word_queue(const WordKey& key);
    void stop_waiting(Thread* thread);

    EnclaveQueue runnable_;   // those with threads in `ready`
    ThreadQueue waiting_[5];  // by Waiting, but for kWord
    ThreadQueue words_[kWordQueues];
    TimedQueue timed_;  // by deadline
};

// Leaves ring 0 with the current thread, or another one if its time is up or
// it sleeps, or idles. Ends the critical section of `kernel`.
[[noreturn]] void leave(Kernel& kernel);
// As leave(), but the current thread goes to the end of the queue.
[[noreturn]] void leave_to_next(Kernel& kernel);

// Counts the time of the thread whose registers the processor holds, if any.
void account(PerCpu& cpu);
// Saves the state of that thread.
void put_away(PerCpu& cpu);
// The current thread's vector state becomes that of `to`, which has the initial one.
void copy_vector_state(Thread& to);

// Wakes threads whose host has answered.
void wake_for_io(Kernel& kernel);
// Wakes the enclave's own such threads, those in quiet waits included.
void notify(Kernel& kernel, Enclave& enclave);

}  // namespace enclavisor::kernel
