// From Linux's protection of a mapping to the kernel's permissions of its pages.
#pragma once

#include <sys/mman.h>

#include <cstdint>

#include "abi/host/control.hpp"

namespace enclavisor::runtime {

// Nothing is writable and executable at once: what asks for both is writable first
// (Memory::touch).
inline std::uint64_t permissions_of(int protection) {
    if (protection & PROT_WRITE) protection &= ~PROT_EXEC;
    std::uint64_t permissions = 0;
    if (protection & PROT_READ) permissions |= abi::kRead;
    if (protection & PROT_WRITE) permissions |= abi::kRead | abi::kWrite;
    if (protection & PROT_EXEC) permissions |= abi::kRead | abi::kExecute;
    return permissions;
}

}  // namespace enclavisor::runtime
