// A vCPU that begins as its VMSA says: the processor's part of it.
#pragma once

#include "abi/platform/sim_request.hpp"
#include "abi/platform/vmsa.hpp"

namespace enclavisor::sim {

// Why VMRUN would refuse it (APM2 15.5.1, "canonicalization and consistency checks") or it would not begin
// at the highest level in 64-bit mode; null: it runs.
const char* vmsa_fault(const abi::Vmsa& vmsa);

// What the guest's stand-in for the processor loads.
abi::SimStart start_of(const abi::Vmsa& vmsa);

}  // namespace enclavisor::sim
