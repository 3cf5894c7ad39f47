// Ctrl-C and friends.
#pragma once

#include <atomic>

namespace enclavisor::host {

// The signal that asked the command to end, or 0.
extern std::atomic<int> interrupted;

// From here on SIGINT, SIGTERM and SIGHUP are kept there, the first time.
void catch_signals();

}  // namespace enclavisor::host
