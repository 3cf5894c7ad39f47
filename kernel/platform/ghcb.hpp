// The guest's side of the GHCB protocol (abi/platform/ghcb.hpp). Whatever the hypervisor answers is
// copied once and checked; what cannot be is a refusal, and nothing of the answer is used.
//
// Interrupts are off and no #VC arises between filling the page and reading it: one page per CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/platform/ghcb.hpp"
#include "kernel/boundary/host_ptr.hpp"
#include "kernel/memory/address.hpp"

namespace enclavisor::kernel {

// Why an answer was not believed. The numbers are reason codes of the termination request.
enum class GhcbRefusal : std::uint8_t {
    kNone = 0,
    kWrongAnswer,       // the MSR holds an answer to something else
    kVersion,           // no version that we speak
    kCBit,              // another C-bit than the processor's
    kRegistration,      // another page was registered
    kFeatures,          // what SEV-SNP cannot do without is missing
    kMissingOutput,     // a register that must come back is not marked valid
    kUnknownResult,     // an exit result that the specification does not know
    kCalledMalformed,   // it says that our request was
    kInjection,         // an event other than #GP and #UD is to be injected
    kException,         // #GP or #UD, where the request was right
    kPageStateRefused,  // a page's state was not changed
    kPageStateRange,    // it says to have changed other pages than asked
    kPageStateStuck,    // it comes back again and again without having changed any
    kValidatedTwice,    // a page would be validated that is already
    kNotChanged,        // PVALIDATE says that the page was validated already: it was exchanged
    kPvalidate,         // PVALIDATE fails
    kTooManyRanges,     // of accepted memory
    kCpuNotStarted,     // another CPU was refused
    kUnprotected,       // the processor's status lacks what the kernel is built for
    kCpuidPage,         // the CPUID page is malformed
    kSecretsPage,       // the secrets page is none
    // Of what was turned on at launch (platform/sev_features.hpp).
    kVirtualTom,
    kReflectVc,
    kRestrictedInjection,
    kAlternateInjection,
    kUnknownFeature,
    kOtherFeatures,  // of another CPU than of the first
    kTscFrequency,   // a secure TSC with a frequency that cannot be
};
const char* describe(GhcbRefusal refusal);

// Reason codes are a vendor's own in all sets but 0 and 1 (56421, 2.3.1).
inline constexpr std::uint64_t kTerminationSet = 14;

// The instructions, which a test or a simulation has in another way.
struct GhcbInstructions {
    void (*write_msr)(std::uint64_t value);
    std::uint64_t (*read_msr)();
    void (*exit)();  // VMGEXIT
};

struct CpuidValues {
    std::uint32_t eax, ebx, ecx, edx;
    bool operator==(const CpuidValues&) const = default;
};

class GhcbChannel {
public:
    // `page` is mapped shared; `address` is its guest-physical one.
    GhcbChannel(const GhcbInstructions& instructions, HostPtr<abi::Ghcb> page, PhysAddr address,
                std::uint16_t version = abi::kGhcbVersion)
        : instructions_{instructions}, page_{page}, address_{address}, version_{version} {}

    // --- By the MSR, before the page may be used
    // The newest version that both speak, from `lowest` on, and how the page is used from here on.
    GhcbRefusal negotiate(unsigned c_bit, std::uint16_t lowest = abi::kGhcbVersion);
    std::uint16_t version() const { return version_; }
    GhcbRefusal require(std::uint64_t features);  // abi::kFeature...
    GhcbRefusal register_page();
    GhcbRefusal cpuid_early(std::uint32_t leaf, CpuidValues& values);
    GhcbRefusal share_early(PhysAddr page);

    // --- By the page
    GhcbRefusal cpuid(std::uint32_t leaf, std::uint32_t subleaf, std::uint64_t xcr0, CpuidValues& values);
    // `size`: 1, 2 or 4 bytes.
    GhcbRefusal port_in(std::uint16_t port, unsigned size, std::uint32_t& value);
    GhcbRefusal port_out(std::uint16_t port, unsigned size, std::uint32_t value);
    GhcbRefusal read_msr(std::uint32_t msr, std::uint64_t& value);
    GhcbRefusal write_msr(std::uint32_t msr, std::uint64_t value);
    GhcbRefusal mmio_read32(PhysAddr at, std::uint32_t& value);
    GhcbRefusal mmio_write32(PhysAddr at, std::uint32_t value);
    // Entries of abi::kPagePrivate or kPageShared, with the frame's address; at most kMostPageStates.
    // kNone: the hypervisor says to have changed all. Only PVALIDATE tells whether it is true.
    GhcbRefusal change_pages(std::span<const std::uint64_t> entries);
    // `error`: SW_EXITINFO2 as it came, 0 for none. What stands in the response page is the secure
    // processor's only if it decrypts.
    GhcbRefusal guest_request(PhysAddr request, PhysAddr response, std::uint64_t& error);
    GhcbRefusal create_cpu(std::uint32_t apic_id, PhysAddr vmsa, std::uint64_t features);

    // The end of the VM. Returns only from a hypervisor that goes on all the same.
    void terminate(GhcbRefusal reason);

private:
    struct Inputs {
        abi::GhcbEvent event;
        std::uint64_t info_1 = 0, info_2 = 0;
        bool has_rax = false, has_rcx = false, has_rdx = false, has_xcr0 = false, has_scratch = false;
        std::uint64_t rax = 0, rcx = 0, rdx = 0, xcr0 = 0;
    };
    struct Outputs {
        std::uint64_t info_2, rax, rbx, rcx, rdx;
    };
    static constexpr unsigned kRax = 1, kRbx = 2, kRcx = 4, kRdx = 8;

    std::uint64_t ask(std::uint64_t request);
    // `wanted`: registers that must come back.
    GhcbRefusal call(const Inputs& inputs, unsigned wanted, Outputs& outputs);
    HostPtr<std::uint64_t> word(std::size_t offset) const { return page_.member<std::uint64_t>(offset); }
    PhysAddr buffer() const { return PhysAddr{address_.value + offsetof(abi::Ghcb, shared_buffer)}; }

    const GhcbInstructions& instructions_;
    HostPtr<abi::Ghcb> page_;
    PhysAddr address_;
    std::uint16_t version_;
};

}  // namespace enclavisor::kernel
