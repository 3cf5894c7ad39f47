// Whether an exception can have come from the processor. The hypervisor can inject any, to
// have a program's handler run for what did not happen (Heckler); what the
// processor's state and the instruction do not explain is not the program's.
#pragma once

#include "kernel/arch/opcodes.hpp"
#include "kernel/sched/thread.hpp"

namespace enclavisor::kernel {

// Of the vCPUs; set at boot.
inline constinit InstructionSets processor_sets{};

// Of the current thread, in whose registers vector and error are; not a page fault. False
// is certain, true is not: docs/threat-model.md says what remains. Consumes DR6.
bool is_explained(const Thread& thread);

}  // namespace enclavisor::kernel
