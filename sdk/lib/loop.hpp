// The loop that serves an enclave's slot.
#pragma once

#include "abi/host/call_slot.hpp"
#include "sdk/lib/state.hpp"

namespace enclavisor::sdk {

// Rules of the protocol, reported with EndReason::kHostProtocol.
inline constexpr int kRuleCallIn = 16;  // a call that no honest caller sends
inline constexpr int kRuleAnswer = 17;  // an answer to no call, or larger than its buffer

[[noreturn]] void host_broke(int rule);

// Begins with the slot at `offset` of the I/O window.
void take_slot(std::uint64_t offset);

// Takes one answer, if there is one.
bool take_answer();
// Submits what there is room for again; whether any was.
bool submit_queued();
// Wakes the host, if it sleeps; after an index was published.
void wake_host();

// Until answers (or, when they are `wanted`, calls) may be there.
void wait_for_host(bool calls_wanted);

}  // namespace enclavisor::sdk
