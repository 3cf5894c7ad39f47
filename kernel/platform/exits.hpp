// SEV-ES and SEV-SNP: what a vCPU asks the hypervisor for, each with a page of its own
// (platform/ghcb.hpp). The kernel asks by itself, at the places where it needs something, so no #VC
// exception is ever its own. An answer that cannot be ends the VM with its name.
#pragma once

#include <cstdint>

#include "abi/evidence/attest_image.hpp"
#include "kernel/memory/frames.hpp"
#include "kernel/platform/ghcb.hpp"

namespace enclavisor::kernel {

struct PerCpu;

namespace exits {

// The boot vCPU's begin, on the boot's tables: checks that the processor protects what this kernel is
// built for, and agrees with the hypervisor. `c_bit`: the position that the boot code found.
void begin(PerCpu& cpu, unsigned c_bit);
// The page is seen at its place in the kernel's map from now on.
void use_kernel_map(PerCpu& cpu);

// The page of a vCPU that is about to be started; then that vCPU itself.
void prepare_cpu(FrameAllocator& frames, PerCpu& cpu);
void begin_cpu(PerCpu& cpu);
// SEV-SNP: has it started at `entry`, on the kernel's tables.
void create_cpu(FrameAllocator& frames, PerCpu& cpu, std::uint64_t entry);

std::uint32_t port_read(std::uint16_t port, unsigned size);
void port_write(std::uint16_t port, unsigned size, std::uint32_t value);
// At addresses in the kernel's map of devices.
std::uint32_t register_read(std::uint64_t address);
void register_write(std::uint64_t address, std::uint32_t value);
void write_msr(std::uint32_t number, std::uint64_t value);
// SEV-SNP: from the CPUID page, never from the hypervisor.
CpuidValues cpuid(std::uint32_t leaf, std::uint32_t subleaf);

// SEV-SNP: frames [begin, end) may be used from now on (FrameAllocator::Accept).
void accept_frames(std::uint64_t begin, std::uint64_t end);

// SEV-SNP: the frequency of a TSC that the hypervisor has no hand on; 0: it has.
std::uint64_t tsc_khz();

// SEV-SNP, once: the key of messages to the secure processor, out of the secrets page, which holds nothing
// afterwards.
abi::PlatformKey take_message_key();
// SEV-SNP, once: the pages by which messages go.
void prepare_messages(FrameAllocator& frames);
// Has a page of private memory carried there, and if that ends without an error puts what came back in its
// place, copied once. SW_EXITINFO2.
std::uint64_t guest_request(void* message);

// The VM's end. `reason`: GhcbRefusal::kNone if the kernel has its own.
[[noreturn]] void terminate(GhcbRefusal reason);

}  // namespace exits
}  // namespace enclavisor::kernel
