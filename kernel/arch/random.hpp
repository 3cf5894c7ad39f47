// The processor's random numbers. The kernel itself needs few; it checks at
// boot that enclaves will get good ones, and does not start otherwise.
#pragma once

#include <cstdint>
#include <optional>

namespace enclavisor::kernel {

// False if RDRAND (and RDSEED, where offered) fails or repeats itself.
bool random_source_is_healthy();

// 64 fresh bits; absent if the processor has none even after waiting.
std::optional<std::uint64_t> random_word();

}  // namespace enclavisor::kernel
