// Lifecycle commands from the host to the kernel, and the status records that
// come back. Every field of a command is hostile: the kernel copies an entry
// once into private memory and validates the copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/host/link.hpp"

namespace enclavisor::abi {

enum class Command : std::uint32_t {
    kHello = 1,     // -> version, PlatformKind, total frames, free frames, vCPUs
    kCreate,        // memory_limit (pages), runtime_begin, runtime_end, syscall_entry,
                    // exception_entry, attributes, tenant (not measured) -> handle
    kAddPages,      // handle, address, count, permissions, offset in the control data (bytes)
    kAddZeroPages,  // handle, address, count, permissions
    kAddThread,     // handle, entry, block address, I/O address, I/O offset, I/O pages; the first
                    // thread's I/O pages are the enclave's I/O window
    kSeal,          // handle -> 48 bytes of measurement in values[0..5]
    kStart,         // handle
    kStop,          // handle: ends the enclave (EndReason::kStopped)
    kDestroy,       // handle of an ended or never started enclave: gives the slot back
    kStats,         // -> free frames, total frames, live enclaves, ignored interrupts, TSC ticks that
                    // vCPUs were idle, TSC now
    kFork,          // template, I/O offset -> handle, TSC when the command was taken. The offset lies
                    // in the template's I/O window; for a template with a runtime it is that of a
                    // window of the instance's own
    kNotify,        // handle: wakes its threads in a quiet Call::kWaitIo whose word has changed
    kPause,         // handle: its threads stop where they are
    kResume,        // handle
    kSetTenant,     // tenant, most pages, most threads, most enclaves -> what it has of each
    kSealGroup,     // up to kMaxGroupMembers handles (0: none) of sealed enclaves -> 48 bytes of the
                    // group's measurement in values[0..5]
    kInterrupt,     // handle of an enclave with a runtime: interrupts one of its threads, as
                    // Call::kInterrupt does, since there are signals in its I/O window
    kReport,        // handle -> frames in use, its limit of them, TSC ticks that its threads ran
    kVmReport,      // offset of a page in the control data that begins with REPORT_DATA: the VM's report
                    // takes its place (abi/evidence/vm_report.hpp); kRefused -> MessageRefusal, detail
};
inline constexpr std::uint32_t kCommandCount = 20;
inline constexpr std::uint64_t kMaxGroupMembers = 6;

enum class ControlStatus : std::int32_t {
    kOk = 0,
    kUnknownCommand = -1,
    kBadHandle = -2,
    kBadState = -3,
    kBadRange = -4,        // address, count or offset outside what is allowed
    kBadPermissions = -5,  // writable and executable, or unknown bits
    kOverlap = -6,         // a page is there already
    kNoMemory = -7,        // the VM has no free frame
    kMemoryLimit = -8,     // the enclave's own limit
    kNoSlot = -9,
    kTenantLimit = -10,  // pages, threads or enclaves
    kInUse = -11,        // a template with live instances
    kUnsupported = -12,  // not on this platform
    kRefused = -13,      // the attestation enclave got no report that it believes
};

// Tenants are the host's accounts: what it lets the enclaves of one customer have
// together. No secret depends on them.
inline constexpr std::uint64_t kMaxTenants = 256;

// Page permissions in commands, kernel calls and measurements.
inline constexpr std::uint64_t kRead = 1;
inline constexpr std::uint64_t kWrite = 2;
inline constexpr std::uint64_t kExecute = 4;

// Largest count of one kAddPages (its contents lie in the control data).
inline constexpr std::uint64_t kMaxPagesPerCommand = kControlDataSize / kPageSize;
// Largest count of one kAddZeroPages: a bound on the work of one command.
inline constexpr std::uint64_t kMaxZeroPagesPerCommand = 1 << 16;

struct ControlCommand {
    std::uint32_t command;  // Command
    std::uint32_t id;       // echoed in the completion
    std::uint64_t arguments[7];
};
static_assert(sizeof(ControlCommand) == 64);

struct ControlCompletion {
    std::uint32_t id;
    std::int32_t status;  // ControlStatus
    std::uint64_t values[7];
};
static_assert(sizeof(ControlCompletion) == 64);

// At kControlOffset. Free-running indices; entry i lives at i % kControlDepth.
// The host never has more than kControlDepth commands under way. The kernel
// keeps its own copy of both of its indices in private memory.
inline constexpr std::uint32_t kControlDepth = 32;
struct ControlRing {
    std::uint32_t submitted;  // written by the host
    std::uint32_t reserved0[15];
    std::uint32_t completed;  // written by the kernel
    std::uint32_t reserved1[15];
    ControlCommand commands[kControlDepth];
    ControlCompletion completions[kControlDepth];
};
static_assert(sizeof(ControlRing) == 128 + 128 * kControlDepth);
static_assert(kControlOffset + sizeof(ControlRing) <= kStatusOffset);

enum class EnclaveState : std::uint32_t {
    kFree,
    kBuilding,
    kSealed,
    kRunning,
    kStopped,
    kFreezing,  // becoming a template
    kTemplate,
    kPaused,
};

enum class EndReason : std::uint32_t {
    kNone = 0,
    kExited,        // code: exit status
    kFault,         // code: vector, detail: error code, address, rip
    kMemoryLimit,   // a page beyond the enclave's own limit
    kOutOfMemory,   // the VM has no free frame left
    kBadCall,       // a kernel call broke its contract; code: its number
    kStopped,       // by the host
    kHostProtocol,  // the enclave found its host lying; code: which rule
    kSignal,        // a process enclave ended by a signal; code: its number
};

// Written by the kernel only. A slot's record is valid when `handle` matches.
struct EnclaveStatus {
    std::uint64_t handle;
    std::uint32_t state;   // EnclaveState
    std::uint32_t reason;  // EndReason
    std::uint64_t code;
    std::uint64_t detail;
    std::uint64_t address;
    std::uint64_t rip;
    std::uint64_t pages;  // frames in use when it ended
    std::uint64_t ticks;  // of the TSC that its threads had run by then
};
static_assert(sizeof(EnclaveStatus) == 64);
static_assert(std::has_unique_object_representations_v<EnclaveStatus>);

// A handle is generation << 16 | slot; generation is never 0.
inline constexpr std::uint32_t kMaxEnclaves = 16384;
static_assert(kStatusOffset + kMaxEnclaves * sizeof(EnclaveStatus) <= kControlDataOffset);

constexpr std::uint32_t slot_of(std::uint64_t handle) {
    return handle & 0xffff;
}

}  // namespace enclavisor::abi
