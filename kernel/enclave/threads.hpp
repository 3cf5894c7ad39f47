// The beginning and end of threads, whoever asks for them.
#pragma once

#include <optional>

#include "kernel/enclave/enclave.hpp"

namespace enclavisor::kernel {

struct Kernel;

// What ring 3 may choose of a thread's registers: RIP inside the enclave's half,
// the user's selectors and flags. Absent: the RIP is not.
std::optional<abi::Registers> user_registers(const abi::Registers& wanted);

// A thread in `space` that is not yet ready, in the initial processor state. `block` is a
// frame of the enclave with a reference for the thread, which is the callee's
// from here on. nullptr: no memory (the reference was given back).
Thread* create_thread(Kernel& kernel, Space& space, PhysAddr block, VirtAddr block_address);

// A copy of a template's thread for an instance, not yet in a queue. It shares the
// block until own_block(). nullptr: no memory.
Thread* copy_thread(Enclave& instance, Thread& from);

// Makes the thread's block its own: a reference to the frame that its enclave has
// mapped there. False: nothing writable is mapped there, or no memory.
[[nodiscard]] bool own_block(Thread* thread);

// Frees a thread that is in no queue and on no vCPU.
void destroy_thread(Enclave& enclave, Thread* thread);

// Hands the thread's registers to the enclave's exception handler.
void upcall(Thread* thread, std::uint64_t vector, std::uint64_t error, std::uint64_t address);

// Call::kInterrupt: wakes the thread, or remembers it until it next enters or
// leaves the kernel outside of its runtime.
void interrupt(Kernel& kernel, Thread* thread);
// Carries out what interrupt() remembered, if the thread is where it can be.
void deliver_interrupt(Thread* thread);

}  // namespace enclavisor::kernel
