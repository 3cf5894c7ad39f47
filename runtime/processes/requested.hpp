// Processes that the host asked for (abi/host/execution.hpp), if the configuration allows them: each begins
// as the first one did, in a session of its own, with streams that the host gives it. The lock is held.
#pragma once

#include "runtime/processes/process.hpp"

namespace enclavisor::runtime {

// Whether the host asks for something, whatever it is. Needs no lock.
bool request_waits();
// Does it, or refuses. The lock is not released.
void take_request();

// Tells the host that the process ended with its status, or, with `error` (-errno), that no program could
// be begun in it; nothing if it was not asked for, or this was said before. The lock is released meanwhile.
void tell_requester(Process& process, std::int64_t error = 0);

}  // namespace enclavisor::runtime
