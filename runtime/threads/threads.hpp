// The threads of all processes: their numbers, blocks and stacks. Blocks and stacks
// of ended threads are used again.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {

struct ThreadStart {
    abi::Registers registers;  // its first ones
    std::uint64_t fs_base;
    std::uint64_t id_address = 0;        // where its id is written before it runs; 0: nowhere
    std::uint64_t child_id_address = 0;  // the same; of a new process's, it writes there itself
    std::uint64_t clear_child_id = 0;
};

class Threads {
public:
    // `first`: the process whose leader runs on `block`. `most`: threads at a time.
    void start(Process& first, std::uint32_t most, abi::ThreadBlock* block);

    std::uint32_t count() const { return count_; }
    std::uint32_t most() const { return most_; }
    Thread* find(std::uint32_t id) const;  // null: no such thread
    // A number that neither a thread nor a process nor a group of them has.
    std::uint32_t next_id();

    // One more thread of the calling process. Its id, -EAGAIN or -EFAULT.
    std::int64_t create(const ThreadStart& start);
    // The first thread of `process`, in the kernel's space of that number (0: the caller's).
    // 0, -EAGAIN or -EFAULT.
    std::int64_t create_leader(Process& process, std::uint64_t space, const ThreadStart& start);
    // The same, of a process that begins in the runtime, at `begin`, without the lock and with all
    // signals blocked.
    std::int64_t create_leader(Process& process, std::uint64_t space, void (*begin)());
    // The calling thread, the last of its process, is nobody's from here on.
    void leave(Process& process);
    // Takes away the calling thread, which is not the enclave's last. The lock is held.
    [[noreturn]] void exit();

    // A thread of the runtime's own, which belongs to no process and has no number, in a space of
    // its own: it begins at `begin`, without the lock. `thread`: null, or one that did so before and
    // ended. False: no memory.
    bool run_own(Thread*& thread, void (*begin)());
    [[noreturn]] void exit_own();
    static bool is_gone(const Thread& thread);
    // The lock need not be held.
    static void wait_until_gone(const Thread& thread);

    // The calling thread, the only one of its process, becomes the leader: execve.
    void lead(Process& process);

    // Threads of the process, until `visit` returns true; whether it did.
    template <typename Visit>
    bool for_each(const Process& process, Visit visit) const {
        for (const auto& thread : slots_) {
            if (thread->id != 0 && thread->process == &process && visit(*thread)) return true;
        }
        return false;
    }

private:
    Thread* take_slot();
    bool add_slot();
    void give_back(Thread& thread);
    Thread* prepare(std::uint32_t id, Process& process, const ThreadStart& start);
    static abi::Registers in_runtime(const Thread& thread, void (*begin)());
    std::int64_t run(Thread& thread, const ThreadStart& start, std::uint64_t space, std::uint64_t flags);

    std::vector<std::unique_ptr<Thread>> slots_;
    std::vector<Thread*> free_;
    std::uint32_t count_ = 0, most_ = 1, last_id_ = 0;
    bool ids_came_round_ = false;
};

}  // namespace enclavisor::runtime
