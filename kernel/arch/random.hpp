// The processor's random numbers. The kernel itself needs few; it checks at
// boot that enclaves will get good ones, and does not start otherwise.
#pragma once

namespace enclavisor::kernel {

// False if RDRAND (and RDSEED, where offered) fails or repeats itself.
bool random_source_is_healthy();

}  // namespace enclavisor::kernel
