// One call slot per function enclave: where its host application leaves calls
// for it, and where it leaves its own calls out. Shared with the host, hence
// hostile to the enclave (and, the other way, to the host).
//
// A function's I/O window is a row of slots of equal size. Slot 0 is used until
// the enclave becomes a template; instance k uses the slot whose offset the
// kernel returns from Call::kFreeze.
//
// Protocol of each of the two rings. The caller owns the buffers: it picks a free part
// of its area (capacity bytes at `offset`), writes the arguments (size bytes) there,
// fills entries[i % kCallDepth], i counting its calls, and at last (release) the entry's
// turn = i + 1. The callee copies entry and arguments, executes, writes the result
// into the same buffer, fills completions[j % kCallDepth], j counting what it has
// completed, and at last (release) the completion's turn = j + 1. Completions come in any
// order and are told apart by id. At most kCallDepth calls are under way. Each side
// counts for itself, in private memory: who polls reads the one cache line that matters.
//
// Sleeping. After each turn that it publishes the host adds 1 to `events`. The enclave
// polls `spin` rounds at most, reads `events`, stores enclave_waits, looks again, and
// sleeps in Call::kWaitIo on `events`: quietly when only a call can be of interest, else
// not. The host takes enclave_waits (exchange with kAwake) after it published: it sends
// Command::kNotify to one that sleeps quietly, and rings the guest's doorbell for
// another. The host, before it sleeps, stores host_waits = 1 and looks again; the
// enclave calls Call::kDoorbell after a turn when host_waits is 1. A full fence stands
// between store and look. An instance begins asleep (Call::kFreeze): before it forks
// one, the host clears its slot and stores kQuietly to enclave_waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/host/io_area.hpp"
#include "abi/platform/layout.hpp"

namespace enclavisor::abi {

inline constexpr std::uint32_t kCallDepth = 8;

struct CallEntry {
    std::uint32_t turn;
    std::uint32_t function;  // which entry point, or which of the host's functions
    std::uint32_t id;        // echoed in the completion
    std::uint32_t offset;    // of the buffer in the caller's area; a multiple of kCallAlignment
    std::uint32_t size;      // of the arguments, bytes
    std::uint32_t capacity;  // of the buffer, bytes; at least `size`
    std::uint32_t reserved[2];
};
static_assert(sizeof(CallEntry) == 32);

enum class CallStatus : std::uint32_t {
    kOk,
    kUnknownFunction,  // there is no such number
    kBadArguments,     // of another size than the function takes
    kNoRoom,           // the result is larger than the buffer
    kFailed,           // the callee refuses
};

struct CallCompletion {
    std::uint32_t turn;
    std::uint32_t id;
    std::uint32_t status;  // CallStatus
    std::uint32_t size;    // of the result, bytes; at most the call's capacity
};
static_assert(sizeof(CallCompletion) == 16);

struct CallRing {
    CallEntry entries[kCallDepth];
    CallCompletion completions[kCallDepth];
};
static_assert(sizeof(CallRing) == 384);

enum class EnclaveWaits : std::uint32_t { kAwake, kQuietly, kForDoorbell };

struct CallSlot {
    // enclave
    std::uint32_t reserved0;
    std::uint32_t enclave_waits;  // EnclaveWaits
    // Zero: a slot 0 that is taken for an IoHeader, when a doorbell rings, asks for no attention.
    std::uint32_t no_attention[2];
    std::uint32_t last_words;  // bytes of text at the beginning of the area for calls out
    std::uint32_t reserved1[11];
    // host, with every call
    std::uint32_t events;  // counts what the host has published
    std::uint32_t reserved2[15];
    // host, seldom
    std::uint32_t host_waits;  // 1: the host sleeps
    std::uint32_t spin;        // rounds that the enclave is asked to poll; a hint
    std::uint32_t pages;       // of a slot; read once, in slot 0, when the enclave starts
    std::uint32_t reserved3[13];
    CallRing in;
    CallRing out;
    std::uint32_t reserved4[16];
};
static_assert(sizeof(CallSlot) == 1024);
static_assert(offsetof(CallSlot, events) == 64);
static_assert(offsetof(CallSlot, no_attention) == offsetof(IoHeader, attention));
static_assert(offsetof(CallSlot, in) % 64 == 0 && offsetof(CallSlot, out) % 64 == 0);
static_assert(std::has_unique_object_representations_v<CallSlot>);

// The rest of the slot: the area for the buffers of calls in, then an equal one
// for those of calls out.
inline constexpr std::uint32_t kCallAlignment = 16;
inline constexpr std::uint32_t kMaxSlotPages = 4096;
constexpr std::uint32_t call_area_size(std::uint32_t pages) {
    return static_cast<std::uint32_t>((pages * kPageSize - sizeof(CallSlot)) / 2);
}
static_assert(call_area_size(1) == 1536);

// Most rounds of polling that an enclave agrees to.
inline constexpr std::uint32_t kMaxSpin = 100'000;

}  // namespace enclavisor::abi
