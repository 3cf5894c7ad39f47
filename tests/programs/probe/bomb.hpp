// What the host and the enclave of probe/bomb.cpp say to each other, in the second
// page of its I/O window.
#pragma once

#include <cstdint>

namespace enclavisor::tests {

enum class BombKind : std::uint32_t { kThreads = 1, kMemory, kObjects };

struct BombStatus {
    std::uint32_t kind;  // host: BombKind
    std::uint32_t made;  // enclave: threads, pages or objects that it got
};

}  // namespace enclavisor::tests
