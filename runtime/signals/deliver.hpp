// From signals to what the program sees of them.
#pragma once

#include "abi/enclave/calls.hpp"

extern "C" void finish_call(enclavisor::abi::Registers* frame);

namespace enclavisor::runtime {

// All registers of the program at once; outside or inside an upcall. The lock is
// not held.
[[noreturn]] void resume_program(const abi::Registers& registers);

// Enters the handlers of all signals that are ready; the lock is held. `number`: of
// the call that `registers` come from, if it is to be made again, or kNoRestart; after
// handlers with SA_RESTART only if `after_handlers`.
inline constexpr std::uint64_t kNoRestart = ~0ull;
void deliver_signals(abi::Registers& registers, std::uint64_t number = kNoRestart,
                     bool after_handlers = true);

}  // namespace enclavisor::runtime
