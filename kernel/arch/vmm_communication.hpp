// #VC from ring 3, where the platform has it.
#pragma once

namespace enclavisor::kernel {

class Thread;

enum class VcOutcome {
    kDone,     // the instruction was carried out
    kRaised,   // it raises the exception that the registers now say
    kClaimed,  // the registers say an exception that the hypervisor may have made up, #VC itself perhaps
};
VcOutcome serve_vmm_communication(Thread& thread);

}  // namespace enclavisor::kernel
