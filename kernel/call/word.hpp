// A u32 of an enclave that kernel calls wait on.
#pragma once

#include <cstdint>
#include <optional>

#include "kernel/enclave/space.hpp"
#include "kernel/sched/thread.hpp"

namespace enclavisor::kernel {

struct Word {
    volatile std::uint32_t* at;  // as the kernel sees it, until the enclave's memory changes
    WordKey key;
};

// Absent: not aligned, the enclave has no such right there, or no memory left for
// the first touch.
std::optional<Word> find_word(Space& space, std::uint64_t address, Access access);

}  // namespace enclavisor::kernel
