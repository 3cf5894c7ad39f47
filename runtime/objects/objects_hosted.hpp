// What unit tests of objects can turn.
#pragma once

#include <cstdint>

namespace enclavisor::runtime {

extern std::uint64_t hosted_generation;  // instance_generation()

}  // namespace enclavisor::runtime
