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
    kUnmap = 2,          // address, pages
    kProtect = 3,        // address, pages, permissions (0: no access, contents kept)
    kDiscard = 4,        // address, pages: contents go, pages read as zero again
    kMove = 5,           // from, to, pages: moves pages; ranges may not overlap; replaces what is at `to`
    kWaitIo = 6,         // seen, deadline (TSC, 0: none), offset, flags: sleep while the u32 at `offset`
                         // bytes into the enclave's I/O window equals `seen`
    kDoorbell = 7,       // wake the proxy
    kYield = 8,          //
    kWait = 9,           // address of a u32, expected, deadline (TSC, 0: none): sleep while equal
    kWake = 10,          // address of a u32, count -> number woken
    kResume = 11,        // take all registers from ThreadBlock::resume; also ends an upcall
    kAttestNext = 12,    // attestation enclave only: answer the last request, get the next
    kNothing = 13,       // returns 0; for measuring
    kCreateThread = 14,  // address of a page for its block, FS base, space (0: the caller's), flags ->
                         // thread number; its other registers are the caller's ThreadBlock::resume
    kExitThread = 15,    // address of a u32, or 0: ends the caller; when it is gone the word, as the
                         // caller's space has it, becomes 0 and all waiters on it wake. The last
                         // thread's exit ends the enclave (code 0)
    kInterrupt = 16,     // thread number: makes it enter its runtime, see below
    kFreeze = 17,  // flags, offset: the enclave becomes a template; returns in its instances only, see below
    kCreateObject = 18,  // pages, at most kMaxObjectPages -> object
    kGrantObject = 19,   // object, permissions, instance; instance 0: to those whose measurement is in
                         // ThreadBlock::exchange; instance kToGroup: to the members of the maker's group
    kMapObject = 20,     // object, address, permissions -> pages mapped
    kRevokeObject = 21,  // object, instance (0: everybody): takes grants and mappings back; done on return
    kCloseObject = 22,   // object: revokes, and gives its pages back
    kIdentify = 23,      // object -> 0; who made it (for the maker: who has mapped it) is in
                         // ThreadBlock::exchange (Identity); object 0: the caller itself
    kForkSpace = 24,     // -> number of a new space, which has the common range only; see below
    kCopySpace = 25,     // space, cursor (at first 0) -> next cursor, 0: done: copies the caller's space
                         // into one that no thread has entered
    kEnterSpace = 26,    // space: the calling thread goes on there
    kDropSpace = 27,     // space: takes away one that no thread is in
    kShare = 28,         // from, to, pages, permissions: pages of the common range appear at `to` too
    kGuestRequest = 29,  // attestation enclave only: takes the page at kAttestMessage to the secure
                         // processor, see below
};
inline constexpr std::uint64_t kCallCount = 30;

enum class CallError : std::int64_t {
    kNoMemory = -1,  // the enclave's or its tenant's limit, or the VM's frames
    kTimedOut = -2,
    kNotEqual = -3,     // kWait: the word differs from `expected`
    kInterrupted = -4,  // kWait, kWaitIo: by kInterrupt
    kNotFound = -5,     // no such thread, space, object or instance, or not granted; kGuestRequest: this
                        // platform has no secure processor to ask
    kBusy = -6,         // kFreeze: another thread runs or waits for the host, it made or mapped an object,
                        // has several spaces or joint pages; kMapObject: pages are there already;
                        // kCopySpace, kDropSpace: a thread is in that space
};

inline constexpr std::uint64_t kToGroup = ~0ull;
inline constexpr std::uint64_t kMaxObjectPages = 1024;

// Flags of kWaitIo.
inline constexpr std::uint64_t kWaitQuiet = 1;  // only Command::kNotify (or deadline, kInterrupt) wakes:
                                                // doorbells need not look at this thread

// kInterrupt. A thread that sleeps in kWait or kWaitIo returns from it with
// kInterrupted. One that runs the program (its RIP lies outside the runtime)
// goes to exception_entry as after a fault, with vector kInterruptVector. In
// between, the kernel tries again with every tick. Interrupts do not add up. Only
// enclaves with a runtime are interrupted while they run.
inline constexpr std::uint64_t kInterruptVector = 0x100;

// kFreeze. Every other thread of the enclave must sleep in kWait or in a quiet
// kWaitIo. From then on the enclave is a template: immutable, never scheduled,
// and the origin of instances (Command::kFork), which share its memory until they
// write. In an instance the call returns 0, with
//   RDI  the instance's handle            RSI  offset of its part of the I/O window, bytes
//   RDX, R8, R9, R10  256 random bits, fresh for each instance
// In an enclave with a runtime the window is the instance's own (RSI is 0), and the
// thread blocks are copied before its first instruction, with new `instance`,
// `generation` and `seed`. The other threads go on sleeping.
// The call returns kBusy in the enclave itself when it cannot be frozen.
// With kFreezeParked an instance does not run before it is called: the thread sleeps
// as in a quiet kWaitIo, until the u32 `offset` bytes into the instance's part of the
// I/O window is not 0. Until then the instance has no page of its own.
inline constexpr std::uint64_t kFreezeParked = 1;

// kMap, kUnmap, kProtect, kDiscard, kMove and kShare do a bounded amount of work and
// return how many pages, from the range's beginning, are done: call again for
// the rest.

// Flags of kCreateThread.
inline constexpr std::uint64_t kKeepVectorState = 1;  // the thread begins with the caller's XSAVE state

// Spaces. An enclave's address spaces have numbers, never 0 and never used twice; it
// begins with one, and each thread runs in one. [kCommonBegin, kCommonEnd) is common: the
// same in all of them, its words too for kWait and kWake. All else belongs to the space;
// kMap, kUnmap, kProtect, kDiscard and kMove work on the caller's. A space goes away, in
// the background, when the last of its threads has left it or ended.
//
// A thread's block must lie in the common range if the thread, or a copy of what it sees,
// is to be in another space.
//
// kCopySpace copies what lies outside the common range, on write: own pages, those of
// the template and reserved ones. Pages of memory objects and of the I/O window are not
// copied (but for a window that the template showed there). What is in the way stays. A
// cursor is a page's address. After kNoMemory the copy is good for kDropSpace only.
//
// kShare: `from` lies in the common range and is the enclave's own memory, writable;
// `to` lies outside of it, and what is there is replaced. The pages at `to` are joint:
// kCopySpace copies the entry, not the page, and the copy may write it too; kProtect
// changes the permissions of that place only (they do not depend on those at `from`);
// kUnmap, or what replaces the page, takes it away from that place only; kDiscard leaves
// it as it is; kMove moves it. For kFreeze, those of a space that just went count until
// the background has freed it.

// kGuestRequest (AMD 56421, "SNP Guest Request"). exchange[kGuestRequestError] is the hypervisor's word
// SW_EXITINFO2, whatever it is; only when it is 0 does the page hold what the hypervisor gave for an answer,
// and else what it held before.
inline constexpr std::size_t kGuestRequestError = 31;

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
    std::uint64_t tsc_khz;       // 0x28: the secure TSC's, else the host's hint in a possible range; 0: none
    std::uint64_t memory_limit;  // 0x30: pages
    std::uint64_t thread;        // 0x38: index of the thread in the enclave
    // the runtime's own
    std::uint64_t runtime[24];  // 0x40
    // written by the kernel before it resumes at exception_entry: the registers
    // of the fault, with vector and error, and CR2 for a page fault
    Registers exception;  // 0x100
    std::uint64_t exception_address;
    std::uint64_t generation;  // 0x1b8: changes when the enclave is an instance that just began
    std::uint64_t seed[4];     // 0x1c0: 256 random bits of that instance
    std::uint64_t reserved1[4];
    // read by the kernel on kResume and kCreateThread: rip, rsp, rflags and the
    // general registers
    Registers resume;  // 0x200
    std::uint64_t reserved2[10];
    std::uint64_t exchange[32];  // 0x300: AttestRequest, Identity: what a call brings or returns
};
static_assert(sizeof(ThreadBlock) == 0x400);
static_assert(offsetof(ThreadBlock, runtime) == 0x40);
static_assert(offsetof(ThreadBlock, exception) == 0x100);
static_assert(offsetof(ThreadBlock, resume) == 0x200);
static_assert(offsetof(ThreadBlock, generation) == 0x1b8);
static_assert(offsetof(ThreadBlock, exchange) == 0x300);
static_assert(std::has_unique_object_representations_v<ThreadBlock>);

// Who an enclave is, in the kernel's words.
struct Identity {
    std::uint8_t measurement[48];  // of the enclave, or of the template that its lineage began with
    std::uint64_t instance;        // its handle
    std::uint64_t origin;          // handle of the template that it was forked from; 0: built
    std::uint64_t generation;      // forks between it and the enclave that was built
    std::uint64_t number;          // of the instance among its template's, from 1; 0: built
    std::uint64_t group;           // equal for all members of a group; 0: in none
    std::uint8_t group_measurement[48];
};
static_assert(sizeof(Identity) == 136);
static_assert(std::has_unique_object_representations_v<Identity>);

}  // namespace enclavisor::abi
