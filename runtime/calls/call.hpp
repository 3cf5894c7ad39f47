// How a Linux call reaches its function. Each function sys_<name> takes the
// arguments of the call, converted from registers to its own parameter types,
// and returns the result or -errno.
#pragma once

#include <errno.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "abi/enclave/calls.hpp"
#include "abi/enclave/linux_calls.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/support/program_memory.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"

namespace enclavisor::runtime {

// The program's registers at the call: rax is the number, then rdi, rsi, rdx,
// r10, r8, r9.
using Frame = abi::Registers;
using CallFunction = std::int64_t (*)(Frame*);

namespace call_detail {

template <std::size_t I>
std::uint64_t argument(const Frame& frame) {
    if constexpr (I == 0) return frame.rdi;
    if constexpr (I == 1) return frame.rsi;
    if constexpr (I == 2) return frame.rdx;
    if constexpr (I == 3) return frame.r10;
    if constexpr (I == 4) return frame.r8;
    if constexpr (I == 5) return frame.r9;
}

template <typename... Parameters, std::size_t... I>
std::int64_t apply(std::int64_t (*function)(Parameters...), const Frame& frame, std::index_sequence<I...>) {
    return function(static_cast<Parameters>(argument<I>(frame))...);
}

template <auto kFunction>
struct Invoke;
template <typename... Parameters, std::int64_t (*kFunction)(Parameters...)>
struct Invoke<kFunction> {
    static std::int64_t call(Frame* frame) {
        return apply(kFunction, *frame, std::index_sequence_for<Parameters...>{});
    }
};
// A function that takes the frame itself.
template <std::int64_t (*kFunction)(Frame*)>
struct Invoke<kFunction> {
    static std::int64_t call(Frame* frame) { return kFunction(frame); }
};

}  // namespace call_detail

// Makes sys_<name> the function of its row in the table. Stands after it. The
// runtime's lock is held around it.
#define ENCLAVISOR_CALL(name)                                 \
    std::int64_t entry_##name(Frame* frame) {                 \
        const Locked locked;                                  \
        return call_detail::Invoke<&sys_##name>::call(frame); \
    }
// The same for what needs no lock: it touches nothing that other threads change.
#define ENCLAVISOR_FREE_CALL(name)                            \
    std::int64_t entry_##name(Frame* frame) {                 \
        return call_detail::Invoke<&sys_##name>::call(frame); \
    }

// --- For the functions ----------------------------------------------------

// A path from the program: 0, -EFAULT or -ENAMETOOLONG.
std::int64_t get_path(Address from, std::string& path);

// Nanoseconds of a timespec of the program: 0, -EFAULT or -EINVAL.
std::int64_t get_nanoseconds(Address from, std::uint64_t& nanoseconds);

// What a clockid_t is made from; those of the processor time of a process or thread that is
// there count too. The lock is held.
ClockKind find_clock(int id);

// `result` of a write. When nobody reads any more, the caller gets SIGPIPE too.
std::int64_t written(std::int64_t result);

// A reference to the open file of a descriptor, or return -EBADF from the calling
// function. Another thread may close the descriptor meanwhile.
#define TRY_FILE(fd)                                         \
    ({                                                       \
        Ref<OpenFile> try_file_ = process().files->hold(fd); \
        if (!try_file_) return -EBADF;                       \
        std::move(try_file_);                                \
    })

// A host's negative answer, or any -errno, is returned from the calling function.
#define TRY_ERRNO(expression)                         \
    ({                                                \
        const std::int64_t try_errno_ = (expression); \
        if (try_errno_ < 0) return try_errno_;        \
        try_errno_;                                   \
    })

using Fd = std::uint32_t;  // a negative descriptor is a number that no file has

}  // namespace enclavisor::runtime
