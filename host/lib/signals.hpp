// Signals to programs in enclaves, by name and number.
#pragma once

#include <string>

#include "host/lib/error.hpp"

namespace enclavisor::host {

// "TERM", "SIGTERM", "term" or "15". SIGKILL and SIGSTOP too, which check_signal() refuses.
Result<int> parse_signal(const std::string& text);

// "SIGTERM"; of a real-time signal its number.
std::string signal_name(int number);

// Whether a program in an enclave can be sent it, and what to do instead.
Result<void> check_signal(int number);

}  // namespace enclavisor::host
