// All that the kernel knows and changes after boot. One lock owns it: ring 0
// is entered by lock_kernel(), left by leave(), and waits in between only for
// vCPUs to acknowledge a request (arch/flush.hpp), so the lock is held for
// microseconds.
#pragma once

#include "kernel/boundary/link.hpp"
#include "kernel/enclave/attestation.hpp"
#include "kernel/enclave/control.hpp"
#include "kernel/enclave/table.hpp"
#include "kernel/memory/frames.hpp"
#include "kernel/sched/scheduler.hpp"

namespace enclavisor::kernel {

inline constexpr std::uint32_t kMaxObjects = 16384;

struct Kernel {
    FrameAllocator frames;
    EnclaveTable enclaves;
    HandleTable<MemoryObject, kMaxObjects> objects;
    Tenant tenants[abi::kMaxTenants];
    Scheduler scheduler;
    Link link;
    Control control;
    Attestation attestation;
    BackgroundQueue background;  // enclaves whose memory, or a space's, is not yet back, and templates to be
    PerCpu* poller = nullptr;    // the idle vCPU that polls; the others halt
    std::uint64_t ignored_interrupts = 0;
    std::uint64_t secure_tsc_khz = 0;  // where the processor tells the TSC's frequency; else 0

    // 0: nobody tells. Without a secure TSC, it is the host's word.
    std::uint64_t tsc_khz() const { return secure_tsc_khz != 0 ? secure_tsc_khz : link.tsc_khz(); }
};

// Waits for the lock. The caller ends with leave(), which gives it up.
Kernel& lock_kernel();  // serves other vCPUs' requests meanwhile (arch/flush.hpp)
void unlock_kernel(Kernel& kernel);

// Ends an enclave: its threads stop, the host is told, its memory comes back
// in the background. May end the current thread's enclave.
void end_enclave(Kernel& kernel, Enclave& enclave, const End& end);

// A step of what is done in small steps: about `budget` pages of an ended enclave or of a
// space are given back, or of a template to be are frozen.
void work_in_background(Kernel& kernel, std::uint64_t budget);

// Writes the enclave's record in the status table and tells the host.
void publish_status(Kernel& kernel, const Enclave& enclave, const End& end);

}  // namespace enclavisor::kernel
