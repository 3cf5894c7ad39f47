// Kernel calls: what ring 3 may ask of the kernel with `syscall`.
//
// Number in RAX; arguments in RDI, RSI, RDX, R10; result in RAX (negative is a
// CallError). RCX and R11 are lost, all else is kept. No call takes a pointer
// to data: what is larger than a register travels in the thread block, so the
// kernel never dereferences an address that ring 3 chose.
//
// A call that breaks its contract (unknown number, range outside the enclave,
// unaligned address, writable and executable) ends the enclave with
// EndReason::kBadCall; errors are only for conditions the caller cannot know.
//
// In an enclave with a runtime (kCreate's runtime_begin < runtime_end) a
// `syscall` executed outside [runtime_begin, runtime_end) is not a kernel call:
// the kernel stores its return address in ThreadBlock::program_rip and resumes
// at syscall_entry, all other registers as they were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/platform/layout.hpp"

namespace enclavisor::abi {

enum class Call : std::uint64_t {
    kExit =
        0,     // EndReason, code, detail, address: ends the enclave (kExited, kFault, kHostProtocol, kSignal)
    kMap = 1,  // address, pages, permissions: zero pages on first touch, replaces what is there
    kUnmap = 2,        // address, pages
    kProtect = 3,      // address, pages, permissions (0: no access, contents kept)
    kDiscard = 4,      // address, pages: contents go, pages read as zero again
    kMove = 5,         // from, to, pages: moves pages; ranges may not overlap; replaces what is at `to`
    kWaitIo = 6,       // seen, deadline (TSC, 0: none): sleep while IoHeader::completed == seen
    kDoorbell = 7,     // wake the proxy
    kYield = 8,        //
    kWait = 9,         // address of a u32, expected, deadline (TSC, 0: none): sleep while equal
    kWake = 10,        // address of a u32, count -> number woken
    kResume = 11,      // take all registers from ThreadBlock::resume; also ends an upcall
    kAttestNext = 12,  // attestation enclave only: answer the last request, get the next
    kNothing = 13,     // returns 0; for measuring
};
inline constexpr std::uint64_t kCallCount = 14;

enum class CallError : std::int64_t {
    kNoMemory = -1,  // the enclave's limit or the VM's frames
    kTimedOut = -2,
    kNotEqual = -3,  // kWait: the word differs from `expected`
};

// kMap, kUnmap, kProtect, kDiscard and kMove do a bounded amount of work and
// return how many pages, from the range's beginning, are done: call again for
// the rest.

// A thread's registers, in the order in which the kernel keeps them.
struct Registers {
    std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    std::uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    std::uint64_t vector, error;
    std::uint64_t rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(Registers) == 176);
static_assert(std::has_unique_object_representations_v<Registers>);

inline constexpr std::uint64_t kUserCodeSelector = 0x2b;
inline constexpr std::uint64_t kUserDataSelector = 0x23;
// RFLAGS bits that ring 3 may have in a resumed context: CF PF AF ZF SF TF DF OF AC ID.
inline constexpr std::uint64_t kUserFlags = 0x240dd5;

// One page per thread, mapped read-write for the enclave at the address given
// in kAddThread; GS base points to it when the thread starts.
struct ThreadBlock {
    // written by the kernel
    std::uint64_t program_rip;   // 0x00: return address of the bounced `syscall`
    std::uint64_t self;          // 0x08: address of this block
    std::uint64_t io_address;    // 0x10
    std::uint64_t io_size;       // 0x18: bytes
    std::uint64_t instance;      // 0x20: the enclave's handle
    std::uint64_t tsc_khz;       // 0x28: host's hint, range-checked; 0: none
    std::uint64_t memory_limit;  // 0x30: pages
    std::uint64_t thread;        // 0x38: index of the thread in the enclave
    // the runtime's own
    std::uint64_t runtime[24];  // 0x40
    // written by the kernel before it resumes at exception_entry: the registers
    // of the fault, with vector and error, and CR2 for a page fault
    Registers exception;  // 0x100
    std::uint64_t exception_address;
    std::uint64_t reserved1[9];
    // read by the kernel on kResume: rip, rsp, rflags and the general registers
    Registers resume;  // 0x200
    std::uint64_t reserved2[10];
    std::uint64_t attest[32];  // 0x300: AttestRequest / AttestReply
};
static_assert(sizeof(ThreadBlock) == 0x400);
static_assert(offsetof(ThreadBlock, runtime) == 0x40);
static_assert(offsetof(ThreadBlock, exception) == 0x100);
static_assert(offsetof(ThreadBlock, resume) == 0x200);
static_assert(offsetof(ThreadBlock, attest) == 0x300);
static_assert(std::has_unique_object_representations_v<ThreadBlock>);

}  // namespace enclavisor::abi
