// What differs between the machines that the kernel runs on. Platforms are
// peers: each is a type with the members that the concept asks for, one is
// chosen when the kernel is built (ENCLAVISOR_PLATFORM).
#pragma once

#include <concepts>
#include <cstdint>

#include "abi/host/link.hpp"
#include "abi/platform/layout.hpp"

namespace enclavisor::kernel {

// What keeps the hypervisor from the VM's memory and registers; each has what those before it have.
enum class Protection {
    kNone,
    kMemory,     // SEV: the C-bit
    kRegisters,  // SEV-ES: what a hypervisor does for a guest is asked for (platform/exits.hpp)
    kIntegrity,  // SEV-SNP: memory is accepted before it is used (platform/accepted.hpp)
};

template <typename P>
concept Platform = requires {
    { P::kKind } -> std::convertible_to<abi::PlatformKind>;
    { P::kProtection } -> std::convertible_to<Protection>;
    // Runs on a processor without SEV, beside a model of it (docs/caveats.md): private memory is another
    // range of addresses, and undefined instructions are carried to the model.
    { P::kSimulated } -> std::convertible_to<bool>;
    // False in one kernel that is built for tests alone (tests/undefended_test.cpp):
    // ring 0's walls are left out, so that attacks are seen to succeed.
    { P::kDefended } -> std::convertible_to<bool>;
};

template <abi::PlatformKind kind, Protection protection, bool simulated, bool defended = true>
struct PlatformOf {
    static constexpr abi::PlatformKind kKind = kind;
    static constexpr Protection kProtection = protection;
    static constexpr bool kSimulated = simulated;
    static constexpr bool kDefended = defended;
    static constexpr bool kHasExits = protection >= Protection::kRegisters;
    static constexpr bool kAcceptsMemory = protection == Protection::kIntegrity;
};

// No memory encryption: for development, and as the arm of security tests in
// which the host can read everything.
using PlainPlatform = PlatformOf<abi::PlatformKind::kPlain, Protection::kNone, false>;

using SimulatedSevPlatform = PlatformOf<abi::PlatformKind::kSimulatedSev, Protection::kMemory, true>;
using SimulatedSevEsPlatform = PlatformOf<abi::PlatformKind::kSimulatedSevEs, Protection::kRegisters, true>;
using SimulatedSnpPlatform = PlatformOf<abi::PlatformKind::kSimulatedSnp, Protection::kIntegrity, true>;

using SevPlatform = PlatformOf<abi::PlatformKind::kSev, Protection::kMemory, false>;
using SevEsPlatform = PlatformOf<abi::PlatformKind::kSevEs, Protection::kRegisters, false>;
using SevSnpPlatform = PlatformOf<abi::PlatformKind::kSevSnp, Protection::kIntegrity, false>;

// Never part of a release: plain, with the kernel's pages, I/O ports, gates and
// descriptor tables open to ring 3, pages that are writable and executable, and
// vCPUs that keep translations which another has taken away.
using UndefendedPlatform = PlatformOf<abi::PlatformKind::kPlain, Protection::kNone, false, false>;

using CurrentPlatform = ENCLAVISOR_PLATFORM;
static_assert(Platform<CurrentPlatform>);

}  // namespace enclavisor::kernel
