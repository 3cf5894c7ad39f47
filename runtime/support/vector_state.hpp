// The x87, SSE and AVX registers in memory, in XSAVE's standard format.
#pragma once

#include <cstddef>
#include <cstdint>

namespace enclavisor::runtime {

// Room for x87, SSE, AVX and AVX-512 (SDM vol. 1, 13.5).
inline constexpr std::size_t kVectorStateRoom = 4096;

struct alignas(64) VectorState {
    std::byte bytes[kVectorStateRoom];

    void save() { asm volatile("xsave64 %0" : "+m"(*this) : "a"(~0u), "d"(~0u) : "memory"); }
    // Precondition: save() filled it, or valid_vector_state() accepted it.
    void restore() { asm volatile("xrstor64 %0" ::"m"(*this), "a"(~0u), "d"(~0u) : "memory"); }
};

// Size of the state that this processor saves, and its components (XCR0).
// Looked up once.
struct VectorStateInfo {
    std::uint32_t size;
    std::uint64_t components;
};
const VectorStateInfo& vector_state_info();

}  // namespace enclavisor::runtime
