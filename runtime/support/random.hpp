// Randomness of the processor. The enclave ends when it fails or looks stuck.
#pragma once

#include <cstdint>

namespace enclavisor::runtime {

void start_random();  // health check
std::uint64_t random_number();
// With the entropy source itself mixed in where the processor offers it.
std::uint64_t seeded_number();

}  // namespace enclavisor::runtime
