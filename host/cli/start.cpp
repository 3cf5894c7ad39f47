#include "host/cli/start.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "host/lib/platform_choice.hpp"

namespace enclavisor::host {
namespace {

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); i++) {
        if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
        text += words[i];
    }
    return text;
}

}  // namespace

Result<std::vector<std::string>> environment_for(const RunOptions& options) {
    std::vector<std::string> result;
    for (char** variable = environ; *variable != nullptr; variable++) result.emplace_back(*variable);
    for (const std::string& setting : options.environment) {
        const std::string name = setting.substr(0, setting.find('='));
        if (name.empty()) return fail(fmt::format("--env {} has no name", setting), "write --env NAME=value");
        if (name == setting) continue;  // the caller's own, already there
        std::erase_if(result, [&](const std::string& old) { return old.starts_with(name + "="); });
        result.push_back(setting);
    }
    return result;
}

void warn(const RunOptions& options, const Application& application) {
    if (options.quiet || application.insecure.empty()) return;
    if (is_manifest(options.program) || is_package(options.program)) {
        complain(fmt::format("insecure: the manifest takes {} from the host unchecked",
                             join(application.insecure)));
    } else {
        complain(fmt::format("insecure: {} come from the host unchecked; a manifest says what is trusted",
                             join(application.insecure)));
    }
}

Result<Platform> platform_for(const std::string& name, std::uint64_t memory_mib) {
    const PlatformChoice choice = TRY(choose_platform(name, memory_mib));
    if (!choice.reason.empty())
        complain(fmt::format("platform {}: {}", platform_name(choice.platform), choice.reason));
    return choice.platform;
}

void warn_of_debugging(bool allowed) {
    if (allowed) complain("insecure: the guest's policy lets the host read and change its memory");
}

}  // namespace enclavisor::host
