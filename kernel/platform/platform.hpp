// What differs between the machines that the kernel runs on. Platforms are
// peers: each is a type with the members that the concept asks for, one is
// chosen when the kernel is built (ENCLAVISOR_PLATFORM).
#pragma once

#include <concepts>
#include <cstdint>

#include "abi/host/link.hpp"
#include "abi/platform/layout.hpp"

namespace enclavisor::kernel {

template <typename P>
concept Platform = requires {
    { P::kKind } -> std::convertible_to<abi::PlatformKind>;
    // The bit of a page-table entry that makes a page private; 0: there is none.
    { P::private_mask() } -> std::same_as<std::uint64_t>;
    // False in one kernel that is built for tests alone (tests/undefended_test.cpp):
    // ring 0's walls are left out, so that attacks are seen to succeed.
    { P::kDefended } -> std::convertible_to<bool>;
};

// No memory encryption: for development, and as the arm of security tests in
// which the host can read everything.
struct PlainPlatform {
    static constexpr abi::PlatformKind kKind = abi::PlatformKind::kPlain;
    static constexpr bool kDefended = true;
    static std::uint64_t private_mask() { return 0; }
};

// SEV modelled by aliasing: an access with the C-bit goes to another memory
// than one without (docs/caveats.md).
struct SimulatedSevPlatform {
    static constexpr abi::PlatformKind kKind = abi::PlatformKind::kSimulatedSev;
    static constexpr bool kDefended = true;
    static std::uint64_t private_mask() { return abi::kSimulatedPrivatePhys; }
};

// Never part of a release: plain, with the kernel's pages, I/O ports, gates and
// descriptor tables open to ring 3, pages that are writable and executable, and
// vCPUs that keep translations which another has taken away.
struct UndefendedPlatform {
    static constexpr abi::PlatformKind kKind = abi::PlatformKind::kPlain;
    static constexpr bool kDefended = false;
    static std::uint64_t private_mask() { return 0; }
};

using CurrentPlatform = ENCLAVISOR_PLATFORM;
static_assert(Platform<PlainPlatform> && Platform<SimulatedSevPlatform>);

}  // namespace enclavisor::kernel
