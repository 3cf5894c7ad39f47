// What the test function and its test agree on.
#pragma once

#include <cstdint>

namespace enclavisor::tests {

// The host's functions.
inline constexpr std::uint32_t kSum = 1, kReverse = 2, kSquare = 3, kSlow = 4, kAlone = 5, kRefuse = 6,
                               kTooMuch = 7;

struct Who {
    std::uint64_t instance, generation;
};

}  // namespace enclavisor::tests
