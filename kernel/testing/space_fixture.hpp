// An enclave that makes address spaces, in the kernel as an ordinary program.
#pragma once

#include "kernel/testing/kernel_fixture.hpp"

namespace enclavisor::kernel::testing {

inline constexpr std::uint64_t kData = 0x500000;  // two pages of the enclave that starts
inline constexpr std::uint64_t kBlocks = abi::kThreadBlockBase + 0x10000;  // for more threads
inline constexpr std::uint64_t kHeap = abi::kCommonBegin + 0x1000'0000;
inline constexpr std::uint64_t kReadWrite = abi::kRead | abi::kWrite;
inline constexpr auto kNoMemory = static_cast<std::int64_t>(abi::CallError::kNoMemory);
inline constexpr auto kNotFound = static_cast<std::int64_t>(abi::CallError::kNotFound);
inline constexpr auto kBusy = static_cast<std::int64_t>(abi::CallError::kBusy);

class SpaceTest : public KernelTest {
protected:
    SpaceTest() { run(handle); }

    Thread& thread() { return *this_cpu().current; }
    Enclave& enclave() { return *thread().enclave; }
    PageTables<EnclaveMemory>& tables() { return thread().space->tables; }
    std::int64_t ask(Call number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                     std::uint64_t d = 0) {
        Thread* caller = this_cpu().current;
        call(number, a, b, c, d);
        machine.check_invariants();
        return static_cast<std::int64_t>(caller->registers.rax);
    }
    void run(std::uint64_t which) {
        while (this_cpu().current == nullptr || enclave().handle != which) machine.schedule();
    }
    // Of the enclave that runs.
    void run_thread(std::uint64_t number) {
        const std::uint64_t which = enclave().handle;
        for (run(which); thread().number != number; run(which)) machine.schedule();
    }
    // What the current thread does with memory in ring 3.
    void touch(std::uint64_t address, bool write) {
        const Entry there = tables().lookup(VirtAddr{address});
        if (!there.present() || (write && !there.writable()))
            machine.trap(14, (there.present() ? 1u : 0u) | (write ? 2u : 0u) | 4u, address);
        machine.check_invariants();
    }
    char& at(std::uint64_t address) {
        const Entry entry = tables().lookup(VirtAddr{address});
        return direct<char>(entry.frame())[address % abi::kPageSize];
    }
    void write(std::uint64_t address, char value) {
        touch(address, true);
        ASSERT_TRUE(tables().lookup(VirtAddr{address}).writable());
        at(address) = value;
    }
    char read(std::uint64_t address) {
        touch(address, false);
        return at(address);
    }
    std::uint64_t fork() { return static_cast<std::uint64_t>(ask(Call::kForkSpace)); }
    std::int64_t copy(std::uint64_t space) {
        std::int64_t cursor = 0;
        do {
            cursor = ask(Call::kCopySpace, space, static_cast<std::uint64_t>(cursor));
        } while (cursor > 0);
        return cursor;
    }
    std::uint64_t fork_and_copy() {
        const std::uint64_t space = fork();
        EXPECT_EQ(copy(space), 0);
        return space;
    }
    // A second thread, in that space; its number.
    std::uint64_t start(std::uint64_t space, std::uint64_t flags = 0) {
        if (tables().lookup(VirtAddr{kBlocks}).empty()) ask(Call::kMap, kBlocks, 64, kReadWrite);
        thread().block->resume = {.rip = 0x400000};
        return static_cast<std::uint64_t>(
            ask(Call::kCreateThread, kBlocks + abi::kPageSize * (blocks_++ % 64), 0, space, flags));
    }
    void finish() { EXPECT_TRUE(machine.all_frames_return()); }

    const std::uint64_t handle = machine.start_enclave(200);

private:
    std::uint64_t blocks_ = 0;
};

}  // namespace enclavisor::kernel::testing
