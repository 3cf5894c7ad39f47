// The kernel's calls (abi/enclave/calls.hpp), for code in ring 3. Ranges must be what the kernel
// accepts: page-aligned, inside the enclave; anything else ends the enclave.
#pragma once

#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "abi/host/control.hpp"

namespace enclavisor::base {

inline std::int64_t kernel_call(abi::Call call, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                                std::uint64_t d = 0) {
    register std::uint64_t r10 asm("r10") = d;
    std::int64_t result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(call), "D"(a), "S"(b), "d"(c), "r"(r10)
                 : "rcx", "r11", "memory");
    return result;
}

[[noreturn]] inline void end_enclave(abi::EndReason reason, std::uint64_t code, std::uint64_t detail = 0,
                                     std::uint64_t address = 0) {
    for (;;) kernel_call(abi::Call::kExit, static_cast<std::uint64_t>(reason), code, detail, address);
}

// The calls on ranges do a part at a time; this does all of it. False: no memory.
inline bool range_call(abi::Call call, std::uint64_t address, std::uint64_t pages,
                       std::uint64_t permissions = 0) {
    while (pages > 0) {
        const std::int64_t done = kernel_call(call, address, pages, permissions);
        if (done <= 0) return false;
        address += static_cast<std::uint64_t>(done) << abi::kPageShift;
        pages -= static_cast<std::uint64_t>(done);
    }
    return true;
}

inline abi::ThreadBlock& thread_block() {
    abi::ThreadBlock* self;
    asm("movq %%gs:8, %0" : "=r"(self));
    return *self;
}

}  // namespace enclavisor::base
