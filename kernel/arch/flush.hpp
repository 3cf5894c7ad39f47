// Translations that processors may have cached, and vCPUs that run what must no
// longer run. The caller holds the kernel lock; what these ask of other vCPUs is
// done when they return: a vCPU that waits for the lock serves such requests
// meanwhile (serve_requests).
#pragma once

#include <cstdint>

#include "kernel/arch/per_cpu.hpp"
#include "kernel/enclave/enclave.hpp"

namespace enclavisor::kernel {

// After the tables of `space` changed in `range`: no vCPU uses what was there, in this
// space or, in the common range, in another of the enclave's.
void flush(Space& space, PageRange range);

// What a first touch of the page does (PageTables::resolve), flushed where it took effect.
inline FaultOutcome touch(Space& space, VirtAddr address, Access access) {
    const FaultOutcome outcome = space.tables.resolve(address, access);
    if (space.tables.took_effect()) flush(space, page_at(address));
    return outcome;
}

// This vCPU goes on with these tables, if it does not use them already.
void use_address_space(PerCpu& cpu, std::uint64_t cr3);

// No vCPU runs the enclave in ring 3 on return. The current threads remain.
void interrupt_running(Enclave& enclave);

// No vCPU knows the enclave or its tables any more.
void forget_running(Enclave& enclave);

// This vCPU does not use the tables of a space without threads: no other does.
void forget_space(const Space& space);

// For this vCPU, which is in ring 0: does what another asked for, if any did.
void serve_requests(PerCpu& cpu);

}  // namespace enclavisor::kernel
