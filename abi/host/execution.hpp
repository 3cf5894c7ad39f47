// Processes in a process enclave that the host asks for (enclavisor exec). The enclave makes one only if
// its configuration allows it.
//
// The host hands the proxy descriptors: a channel and three streams. It puts a word into the first
// I/O area's `execution` and gives Command::kInterrupt; the enclave replaces the word by 0, or by
// kExecutionRefused or kExecutionForbidden. A new process reads one ExecutionRequest from the channel, and
// writes one ExecutionAnswer into it at its end. The channel names the process until then.
#pragma once

#include <cstdint>
#include <type_traits>

namespace enclavisor::abi {

// `channel`: the proxy's descriptor. `signal`: for the process that was begun with it; 0: begin one.
constexpr std::uint64_t execution_word(std::int32_t channel, int signal = 0) {
    return (static_cast<std::uint64_t>(signal) << 32) | (static_cast<std::uint32_t>(channel) + 1u);
}
constexpr std::int32_t execution_channel(std::uint64_t word) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(word) - 1u);
}
constexpr std::uint32_t execution_signal(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
}
inline constexpr std::uint64_t kExecutionForbidden = ~0ull;    // by the configuration
inline constexpr std::uint64_t kExecutionRefused = ~0ull - 1;  // too many, no memory, no such process

inline constexpr std::uint32_t kMaxExecutions = 16;              // of an enclave, at a time
inline constexpr std::uint32_t kMaxExecutionRequest = 64 << 10;  // bytes

inline constexpr std::uint64_t kExecutionMagic = 0x31434558454e45;  // "ENEXEC1"

// Followed by `words` strings, each with a terminating zero: the program and its arguments.
struct ExecutionRequest {
    std::uint64_t magic;
    std::uint32_t size;  // of everything, this header included
    std::uint32_t words;
    std::int32_t standard[3];  // descriptors of the proxy
    std::uint32_t reserved;
};
static_assert(sizeof(ExecutionRequest) == 32);
static_assert(std::has_unique_object_representations_v<ExecutionRequest>);

struct ExecutionAnswer {
    std::int32_t error;   // 0, or -errno: no program was begun
    std::int32_t status;  // how it ended, as wait4(2) says it
};
static_assert(sizeof(ExecutionAnswer) == 8);

}  // namespace enclavisor::abi
