// What futexes and the end of threads share.
#pragma once

#include <cstdint>

#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {

// Wakes up to `count` (at least one) of those who wait on the word; how many.
std::int64_t wake_futex(Address word, std::int32_t count, std::uint32_t bitset = ~0u);

}  // namespace enclavisor::runtime
