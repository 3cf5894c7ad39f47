// What a process enclave is told: the configuration (measured, part of the
// enclave) and the start information (from the host, hostile).
//
// The configuration lies at kConfigBase, read-only: ConfigHeader, then items,
// each ConfigItem + `size` bytes of payload, padded to 8 bytes. Strings carry no
// terminating zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace enclavisor::abi {

inline constexpr std::uint64_t kConfigMagic = 0x31474643434e45;  // "ENCCFG1"

struct ConfigHeader {
    std::uint64_t magic;
    std::uint64_t size;  // of everything, this header included
};

enum class ConfigTag : std::uint32_t {
    kProgram = 1,              // ConfigProgram
    kOptions = 2,              // ConfigOptions
    kArgument = 3,             // string; in order; present unless kHostArguments
    kEnvironment = 4,          // "NAME=value"; fixed by the manifest
    kEnvironmentFromHost = 5,  // NAME that may be taken from the host
    kMount = 6,                // ConfigMount, then path, then uri (host path)
    kTrustedFile = 7,          // ConfigTrustedFile, then path inside the enclave
    kTrustedLink = 9,          // ConfigTrustedLink, then path inside the enclave, then target
    kExecutable = 8,           // path of the program as it sees itself (/proc/self/exe)
    kHostMayExecute = 10,      // ConfigMayExecute, then strings with terminating zeros
};

struct ConfigItem {
    std::uint32_t tag;   // ConfigTag
    std::uint32_t size;  // of the payload, without padding
};

struct ConfigProgram {
    std::uint64_t entry;
    std::uint64_t base;             // load bias of a position-independent program, else 0
    std::uint64_t program_headers;  // address in memory
    std::uint64_t header_count;
    std::uint64_t brk_start;    // page-aligned end of the last segment
    std::uint64_t image_begin;  // lowest mapped address of the program
    // Of a dynamic program, whose interpreter (ld.so) runs first; else all 0.
    std::uint64_t interpreter_entry;
    std::uint64_t interpreter_base;
    std::uint64_t interpreter_headers;  // address in memory
    std::uint64_t interpreter_header_count;
};

struct ConfigOptions {
    std::uint64_t flags;         // kHostArguments | ...
    std::uint64_t stack_size;    // bytes, page multiple
    std::uint64_t memory_limit;  // bytes
    std::uint64_t threads;
    std::uint64_t uid, gid;  // identity unless kHostIdentity
};
inline constexpr std::uint64_t kHostArguments = 1;    // argv comes from the host
inline constexpr std::uint64_t kHostEnvironment = 2;  // the whole environment comes from the host
inline constexpr std::uint64_t kHostIdentity = 4;     // uid, gid, cwd come from the host
inline constexpr std::uint64_t kFreezeAtInput = 8;    // becomes a template when it first reads descriptor 0
inline constexpr std::uint64_t kHostExecutes = 16;    // the host may start any program beside it

enum class MountType : std::uint32_t { kTrusted = 1, kTmpfs = 2, kPassthrough = 3 };

struct ConfigMount {
    std::uint32_t type;       // MountType
    std::uint32_t path_size;  // mount point inside the enclave
    std::uint32_t uri_size;   // host path (trusted and passthrough)
    std::uint32_t reserved;
};

// A trusted file is verified by chunks. The hashes of all files' chunks, in the files' order,
// are a list that the host keeps (ForwardedCall::kReadHashes). Behind them stand the times of
// modification of all files (64 bits, nanoseconds): nothing verifies these.
inline constexpr std::uint64_t kTrustedChunk = 16 << 10;
constexpr std::uint64_t trusted_chunks(std::uint64_t size) {
    return size / kTrustedChunk + (size % kTrustedChunk != 0);
}

struct ConfigTrustedFile {
    std::uint64_t size;
    std::uint8_t root[32];  // SHA-256 of the size (64 bits) and the SHA-256 of each chunk
    std::uint32_t mode;     // permission bits that stat shows
    std::uint32_t reserved;
};

// A program that the host may start beside the first one (abi/host/execution.hpp).
struct ConfigMayExecute {
    std::uint32_t words;     // strings: the program's path, and its arguments if they are fixed
    std::uint32_t is_fixed;  // 1: with exactly these arguments; 0: with any
};

struct ConfigTrustedLink {
    std::uint32_t path_size, target_size;
};

// --- From the host, at the beginning of the data area of thread 0 ---------

inline constexpr std::uint64_t kStartMagic = 0x545241545343454e;  // "NECSTART"

// Followed by argument_count strings, environment_count strings, the working
// directory and the host name: each is terminated by a zero byte.
struct StartInfo {
    std::uint64_t magic;
    std::uint32_t size;  // of everything, this header included
    std::uint32_t argument_count;
    std::uint32_t environment_count;
    std::uint32_t flags;         // kStartVerbose
    std::uint64_t wall_ns;       // CLOCK_REALTIME when written
    std::uint64_t monotonic_ns;  // CLOCK_MONOTONIC when written
    std::uint32_t uid, gid, euid, egid;
    std::uint32_t pid, ppid;
    std::uint32_t umask;
    std::uint32_t reserved;
};
static_assert(sizeof(StartInfo) == 72);
static_assert(std::has_unique_object_representations_v<StartInfo>);
inline constexpr std::uint32_t kStartVerbose = 1;

}  // namespace enclavisor::abi
