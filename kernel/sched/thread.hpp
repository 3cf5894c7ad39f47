// A thread of an enclave. Lives in a frame of its own, with its XSAVE area.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "abi/enclave/calls.hpp"
#include "base/list.hpp"
#include "kernel/memory/address.hpp"

namespace enclavisor::kernel {

struct Enclave;
struct Space;

enum class Waiting : std::uint8_t {
    kNothing,  // ready, running, or not started
    kIo,       // for the link's word at `io_word` to differ from `expected`
    kCall,     // the same, but only Command::kNotify looks
    kWord,     // for a wake on `key`
    kAttest,   // the attestation enclave, for work
};

// What Call::kWait and kWake agree on: a word of the common range by its address and
// enclave, another by its address and space, or a word of a memory object by its physical
// address (`scope` is null then).
struct WordKey {
    const void* scope = nullptr;
    std::uint64_t address = 0;
    bool operator==(const WordKey&) const = default;
};

class Thread {
public:
    abi::Registers registers;  // at offset 0: entry.S pushes here
    bool sysret_suffices;      // the saved RIP and RFLAGS came by `syscall`
    bool urgent;               // runs before all others: the attestation enclave's
    bool in_upcall;            // between an exception's delivery and kResume
    bool interrupted;          // a Call::kInterrupt that it has not noticed yet
    Waiting waiting;
    Waiting parked;  // of a template's thread: what its copies in instances wait for
    std::uint32_t expected;
    std::uint64_t io_word;  // offset in the link
    WordKey key;
    std::uint64_t deadline;  // TSC; 0: none
    std::uint64_t fs_base, gs_base;
    std::uint64_t number;  // in its enclave
    Enclave* enclave;
    Space* space;  // of the enclave's
    VirtAddr block_address;
    // As the kernel sees it. In an instance it may still be the template's, which is
    // read-only: block_frame is absent then, and own_block() makes it the thread's.
    abi::ThreadBlock* block;
    std::optional<PhysAddr> block_frame;
    base::ListLink<Thread> siblings;  // the enclave's threads
    // The enclave's ready ones, or those that wait for the same kind of thing.
    base::ListLink<Thread> queue;
    base::ListLink<Thread> timed;  // those with a deadline

    static constexpr std::size_t kXsaveOffset = 1024;
    static constexpr std::size_t kXsaveMax = abi::kPageSize - kXsaveOffset;
    void* xsave_area() { return reinterpret_cast<char*>(this) + kXsaveOffset; }
    std::uint64_t frame_end() const { return reinterpret_cast<std::uint64_t>(this) + sizeof(abi::Registers); }
};
static_assert(offsetof(Thread, registers) == 0 && sizeof(abi::Registers) % 16 == 0);
static_assert(sizeof(Thread) <= Thread::kXsaveOffset);

using ThreadQueue = base::List<Thread, &Thread::queue>;
using TimedQueue = base::List<Thread, &Thread::timed>;
using ThreadList = base::List<Thread, &Thread::siblings>;

}  // namespace enclavisor::kernel
