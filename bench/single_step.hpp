// Counts the instructions that host code executes, by single-stepping a copy of this
// process. What happens elsewhere meanwhile runs at full speed: a peer's answer is there
// before the stepped code looks for it, so that no rounds of waiting are in the count.
#pragma once

#include <functional>

#include "host/lib/error.hpp"

namespace enclavisor::bench {

// Ends one count and begins the next; only within the `body` of count_steps().
inline void mark() {
    asm volatile("int3");
}

// The least number of instructions in user mode (a system call counts as one) between two
// marks of `body`, which runs in a forked copy of this process, alone in it.
host::Result<double> count_steps(const std::function<void()>& body);

}  // namespace enclavisor::bench
