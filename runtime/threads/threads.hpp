// The threads of the process: their numbers, blocks and stacks. Blocks and stacks
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
    std::uint64_t child_id_address = 0;  // the same
    std::uint64_t clear_child_id = 0;
};

class Threads {
public:
    // `id`: of the first thread, which runs on `block`. `most`: threads at a time.
    void start(std::uint32_t id, std::uint32_t most, abi::ThreadBlock* block);

    std::uint32_t count() const { return count_; }
    std::uint32_t most() const { return most_; }
    Thread* find(std::uint32_t id) const;  // null: no such thread
    Thread& first() const { return *slots_[0]; }

    // The new thread's id, -EAGAIN or -EFAULT.
    std::int64_t create(const ThreadStart& start);
    // Ends the calling thread, which is not the last. The lock is held.
    [[noreturn]] void exit();

    // Until `visit` returns true; whether it did.
    template <typename Visit>
    bool for_each(Visit visit) const {
        for (const auto& thread : slots_) {
            if (thread->id != 0 && visit(*thread)) return true;
        }
        return false;
    }

private:
    Thread* take_slot();
    bool add_slot();
    std::uint32_t next_id();

    std::vector<std::unique_ptr<Thread>> slots_;
    std::vector<Thread*> free_;
    std::uint32_t count_ = 0, most_ = 1, last_id_ = 0;
    bool ids_came_round_ = false;
};

}  // namespace enclavisor::runtime
