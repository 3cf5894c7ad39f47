// The runtime's own heap: `new` and `delete` come here. Blocks are powers of
// two; a free block of many pages gives its frames back.
#pragma once

#include <cstdint>

namespace enclavisor::runtime {

inline constexpr std::uint64_t kHeapBase = 0x7f40'0000'0000;
inline constexpr std::uint64_t kHeapSize = 64ull << 30;  // reserved, not used

void start_heap();

}  // namespace enclavisor::runtime
