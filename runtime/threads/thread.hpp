// A thread of the program, as the runtime sees it. All but `wake` and `present`
// is protected by the runtime's lock.
#pragma once

#include <cstdint>
#include <string>

#include "abi/enclave/calls.hpp"
#include "runtime/signals/thread_signals.hpp"
#include "runtime/threads/futex_table.hpp"
#include "runtime/threads/scheduling.hpp"

namespace enclavisor::runtime {

// ThreadBlock::runtime[], by use; the first three are entry.S's.
inline constexpr int kWordSyscallStack = 1, kWordExceptionStack = 2, kWordThread = 3, kWordWork = 4,
                     kWordControl = 5, kWordEntry = 6, kWordIoCounts = 22;

// Bits of the work word: what is to be done before the program goes on.
inline constexpr std::uint64_t kWorkSignal = 1;   // a signal that is not blocked waits
inline constexpr std::uint64_t kWorkRestart = 2;  // the call returns kRestart
inline constexpr std::uint64_t kWorkMissing = 4;  // the call did not find Thread::missing
inline constexpr std::uint64_t kWorkOutside = 8;  // it was interrupted: signals may have come from outside

struct Process;

struct Thread {
    Thread(std::uint32_t slot_number, abi::ThreadBlock* its_block) : slot{slot_number}, block{its_block} {
        futex.thread = this;
    }
    Thread(const Thread&) = delete;

    const std::uint32_t slot;  // decides where its block and its stacks lie
    abi::ThreadBlock* const block;
    Process* process = nullptr;
    std::uint32_t id = 0;       // gettid; 0: has ended
    std::uint64_t number = 0;   // the kernel's
    std::uint32_t present = 0;  // the kernel clears it when the thread is gone
    std::uint32_t wake = 0;     // what it sleeps on; 1: woken
    // Of its waiting for open files (threads/wait.hpp): a queue told it of a change; it may
    // be in a call of the host's.
    std::uint32_t notified = 0;
    bool waits_at_host = false;
    bool asleep = false;           // threads/sleep.hpp
    bool waits_for_child = false;  // wait4, waitid
    bool waits_for_exec = false;   // vfork
    // Nanoseconds of the monotonic clock: until when a sleep lasts that a signal without a handler
    // interrupted, when it is made again. 0: there is none.
    std::uint64_t sleeps_until = 0;
    FutexWaiter futex;
    Scheduling scheduling;
    ThreadSignals signals;
    std::uint64_t clear_child_id = 0;    // set_tid_address, CLONE_CHILD_CLEARTID
    std::uint64_t child_id_address = 0;  // of a new process's: where it writes its id first
    std::uint64_t robust_list = 0;
    std::string name;  // PR_SET_NAME
    // An exception of the program, between the upcall and its delivery.
    abi::Registers exception{};
    std::uint64_t exception_address = 0;
    // Where a guarded copy failed, and the page fault's error code.
    std::uint64_t missing = 0, missing_error = 0;

    std::uint64_t work() const { return __atomic_load_n(&block->runtime[kWordWork], __ATOMIC_RELAXED); }
    // From the thread itself without the lock, from others with it.
    void set_work(std::uint64_t bits, bool on) {
        std::uint64_t& word = block->runtime[kWordWork];
        if (on) {
            __atomic_fetch_or(&word, bits, __ATOMIC_RELAXED);
        } else {
            __atomic_fetch_and(&word, ~bits, __ATOMIC_RELAXED);
        }
    }
    bool has_signal() const { return work() & kWorkSignal; }
    bool was_notified() const { return __atomic_load_n(&notified, __ATOMIC_RELAXED) != 0; }
};

inline Thread& this_thread() {
    Thread* thread;
    static_assert(kWordThread == 3);
    asm("movq %%gs:0x58, %0" : "=r"(thread));
    return *thread;
}

// `result`: of Call::kWait or kWaitIo. An interrupt that is for no signal of the enclave's own is
// seen to before the program goes on, however the call ends that it came in.
inline void note_interrupt(std::int64_t result) {
    if (result == static_cast<std::int64_t>(abi::CallError::kInterrupted))
        this_thread().set_work(kWorkOutside, true);
}

// The result of a call that a signal interrupted and that is made again, after the
// handler if that wants it (SA_RESTART). Never reaches the program.
inline constexpr std::int64_t kRestart = 512;

// The same, unless a handler runs.
inline constexpr std::int64_t kRestartUnlessHandled = 514;

inline std::int64_t restart_call(std::int64_t how = kRestart) {
    this_thread().set_work(kWorkRestart, true);
    return -how;
}

}  // namespace enclavisor::runtime
