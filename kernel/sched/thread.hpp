// A thread of an enclave. Lives in a frame of its own, with its XSAVE area.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "kernel/memory/address.hpp"
#include "kernel/sched/list.hpp"

namespace enclavisor::kernel {

struct Enclave;

enum class Waiting : std::uint8_t {
    kNothing,  // ready, running, or not started
    kIo,       // for IoHeader::completed to differ from `expected`
    kWord,     // for a wake on `key`
    kAttest,   // the attestation enclave, for work
};

class Thread {
public:
    abi::Registers registers;  // at offset 0: entry.S pushes here
    bool sysret_suffices;      // the saved RIP and RFLAGS came by `syscall`
    bool urgent;               // runs before all others: the attestation enclave's
    bool in_upcall;            // between an exception's delivery and kResume
    Waiting waiting;
    std::uint32_t expected;
    std::uint64_t key;       // physical address of the word
    std::uint64_t deadline;  // TSC; 0: none
    std::uint64_t fs_base, gs_base;
    Enclave* enclave;
    Thread* next_in_enclave;
    std::uint64_t io_area;  // offset in the link
    abi::ThreadBlock* block;
    PhysAddr block_frame;
    ListLink<Thread> queue;  // of the ready or the waiting threads

    static constexpr std::size_t kXsaveOffset = 1024;
    static constexpr std::size_t kXsaveMax = abi::kPageSize - kXsaveOffset;
    void* xsave_area() { return reinterpret_cast<char*>(this) + kXsaveOffset; }
    std::uint64_t frame_end() const { return reinterpret_cast<std::uint64_t>(this) + sizeof(abi::Registers); }
};
static_assert(offsetof(Thread, registers) == 0 && sizeof(abi::Registers) % 16 == 0);
static_assert(sizeof(Thread) <= Thread::kXsaveOffset);

using ThreadQueue = List<Thread, &Thread::queue>;

}  // namespace enclavisor::kernel
