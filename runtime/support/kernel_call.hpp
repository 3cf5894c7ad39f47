// The kernel's calls (abi/enclave/calls.hpp). Ranges must be what the kernel
// accepts: page-aligned, inside the enclave; anything else ends the enclave.
#pragma once

#include <cstdint>

#include "base/kernel_call.hpp"

namespace enclavisor::runtime {

using base::end_enclave;
using base::kernel_call;

// The calls on ranges of so many bytes, a page multiple. False: no memory.
inline bool range_call(abi::Call call, std::uint64_t address, std::uint64_t size,
                       std::uint64_t permissions = 0) {
    return base::range_call(call, address, size >> abi::kPageShift, permissions);
}

inline bool move_pages(std::uint64_t from, std::uint64_t to, std::uint64_t size) {
    std::uint64_t pages = size >> abi::kPageShift;
    while (pages > 0) {
        const std::int64_t done = kernel_call(abi::Call::kMove, from, to, pages);
        if (done <= 0) return false;
        from += static_cast<std::uint64_t>(done) << abi::kPageShift;
        to += static_cast<std::uint64_t>(done) << abi::kPageShift;
        pages -= static_cast<std::uint64_t>(done);
    }
    return true;
}

}  // namespace enclavisor::runtime
