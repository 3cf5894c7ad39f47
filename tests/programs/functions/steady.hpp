// What the steady function and its test agree on.
#pragma once

#include <cstdint>

namespace enclavisor::tests {

inline constexpr std::uint32_t kDouble = 1;   // of a number
inline constexpr std::uint32_t kNothing = 2;  // no arguments, no result

// Words that bounce between host and enclave, in the last page of the I/O window.
struct Bounce {
    std::uint32_t to_enclave;
    std::uint32_t reserved0[15];
    std::uint32_t to_host;
};

}  // namespace enclavisor::tests
