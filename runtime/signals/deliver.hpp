// From signals to what the program sees of them.
#pragma once

#include "runtime/signals/signals.hpp"

extern "C" void deliver_pending_signals(enclavisor::abi::Registers* frame);

namespace enclavisor::runtime {

// All registers of the program at once; outside or inside an upcall.
[[noreturn]] void resume_program(const abi::Registers& registers);

}  // namespace enclavisor::runtime
