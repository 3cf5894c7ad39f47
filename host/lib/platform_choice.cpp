#include "host/lib/platform_choice.hpp"

#include <fmt/format.h>

#include "host/lib/paths.hpp"

namespace enclavisor::host {

Result<QemuFacts> ask_found_qemu() {
    return ask_qemu(TRY(find_qemu()));
}

Lacks lacks_here(Platform platform, const SevHost& host, const Result<QemuFacts>& qemu,
                 std::uint64_t memory_mib) {
    Lacks found = lacks(platform, host, qemu, memory_mib);
    if (const auto rom = find_rom(platform); !rom) found.push_back(rom.error());
    return found;
}

PlatformChoice strongest_platform(const Lacks& snp, const Lacks& es, const Lacks& sev) {
    if (snp.empty()) return {Platform::kSevSnp, "the strongest there is"};
    const auto without = [](const char* name, const Lacks& missing) {
        return fmt::format("{} is not possible: {}", name, missing.front().cause);
    };
    if (es.empty()) return {Platform::kSevEs, without("sev-snp", snp)};
    if (sev.empty()) return {Platform::kSev, without("sev-es", es)};
    return {Platform::kSimulatedSev,
            fmt::format("a model that hides nothing from the host, as no SEV guest can be started: {}",
                        sev.front().cause)};
}

Result<PlatformChoice> choose_platform(const std::string& name, std::uint64_t memory_mib) {
    if (name != "auto") return PlatformChoice{TRY(parse_platform(name)), ""};
    const SevHost host = read_sev_host();
    const auto qemu = ask_found_qemu();
    const auto missing = [&](Platform platform) { return lacks_here(platform, host, qemu, memory_mib); };
    return strongest_platform(missing(Platform::kSevSnp), missing(Platform::kSevEs), missing(Platform::kSev));
}

}  // namespace enclavisor::host
