// #VC from ring 3, where the platform has it.
#pragma once

namespace enclavisor::kernel {

class Thread;

// True: the instruction was carried out. False: what the thread's registers say now is an exception, of
// kVmmCommunication's own vector if the hypervisor made it up.
bool serve_vmm_communication(Thread& thread);

}  // namespace enclavisor::kernel
