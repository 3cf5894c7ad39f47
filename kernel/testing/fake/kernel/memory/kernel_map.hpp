// Stands in for kernel/memory/kernel_map.hpp: guest-physical memory is an
// array, the link another.
#pragma once

#include <cstdint>

#include "kernel/memory/address.hpp"

namespace enclavisor::kernel {

inline std::uint64_t kDirectBase = 0;  // set by the fake machine
inline std::uint64_t kLinkVirt = 0;

template <typename T>
T* direct(PhysAddr address) {
    return reinterpret_cast<T*>(kDirectBase + address.value);
}
inline PhysAddr frame_of(const void* object) {
    return PhysAddr{reinterpret_cast<std::uint64_t>(object) - kDirectBase};
}

inline void share_kernel_map(PhysAddr) {}
inline std::uint64_t kernel_cr3() {
    return 0;
}

}  // namespace enclavisor::kernel
