// The kinds of machine that a secure VM is started on.
#pragma once

#include <string>

#include "host/lib/error.hpp"

namespace enclavisor::host {

enum class Platform {
    kPlain,  // no memory encryption
    // Models (docs/caveats.md): memory by aliasing, the secure processor by sim/.
    kSimulatedSev,
    kSimulatedSevEs,
    kSimulatedSnp,
    // AMD's hardware.
    kSev,
    kSevEs,
    kSevSnp,
};
const char* platform_name(Platform platform);  // "plain", "sim-sev", "sim-sev-es", "sim-snp", "sev", ...
Result<Platform> parse_platform(const std::string& name);

// Private memory is another range of guest-physical addresses.
constexpr bool is_simulated(Platform platform) {
    return platform == Platform::kSimulatedSev || platform == Platform::kSimulatedSevEs ||
           platform == Platform::kSimulatedSnp;
}
constexpr bool is_hardware(Platform platform) {
    return platform == Platform::kSev || platform == Platform::kSevEs || platform == Platform::kSevSnp;
}
// Its VMGEXITs go to a program beside QEMU (sim/README.md).
constexpr bool has_simulated_exits(Platform platform) {
    return platform == Platform::kSimulatedSevEs || platform == Platform::kSimulatedSnp;
}

}  // namespace enclavisor::host
