// Sleeping inside the enclave, and waking who sleeps. The caller holds the
// runtime's lock; it is released meanwhile.
#pragma once

#include <cstdint>

#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {

enum class Slept { kWoken, kTimedOut, kSignal };

// Until wake(), until the TSC reaches `deadline` (0: never), or until a signal that
// is not blocked waits for the thread.
Slept sleep(std::uint64_t deadline);
void wake(Thread& thread);

}  // namespace enclavisor::runtime
