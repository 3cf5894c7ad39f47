// The enclave as a template, and its instances (Call::kFreeze in
// abi/enclave/calls.hpp).
#pragma once

#include <cstdint>

#include "runtime/files/file_system.hpp"

namespace enclavisor::runtime {

// Opening it makes the enclave a template, and returns in each instance.
inline constexpr const char kReadyPath[] = "/dev/enclavisor/ready";

// Returns 0 in each instance, which has an identity of its own by then: number of
// the process, arguments, environment's randomness; what the program wanted wiped
// (MADV_WIPEONFORK) is. -EBUSY if another thread of the program runs or waits for the
// host. The runtime's lock is held.
std::int64_t become_template();

// The file at kReadyPath: the instance's handle as text.
Opened open_ready(int flags);

// The program first reads its input, the point that its configuration names
// (Process::freezes_at_input).
void on_input();

}  // namespace enclavisor::runtime
