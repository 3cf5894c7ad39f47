#include "host/lib/platform.hpp"

#include <fmt/format.h>

namespace enclavisor::host {
namespace {

constexpr struct {
    Platform platform;
    const char* name;
} kNames[] = {
    {Platform::kPlain, "plain"},
    {Platform::kSimulatedSev, "sim-sev"},
    {Platform::kSimulatedSevEs, "sim-sev-es"},
    {Platform::kSimulatedSnp, "sim-snp"},
    {Platform::kSev, "sev"},
    {Platform::kSevEs, "sev-es"},
    {Platform::kSevSnp, "sev-snp"},
};

}  // namespace

const char* platform_name(Platform platform) {
    for (const auto& known : kNames) {
        if (known.platform == platform) return known.name;
    }
    return "?";
}

Result<Platform> parse_platform(const std::string& name) {
    std::string all;
    for (const auto& known : kNames) {
        if (name == known.name) return known.platform;
        all += (all.empty() ? "" : ", ") + std::string{known.name};
    }
    return fail(fmt::format("there is no platform '{}'", name), "use one of " + all);
}

}  // namespace enclavisor::host
