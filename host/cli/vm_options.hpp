// The command line of what concerns daemons and the enclaves in their VMs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/cli/commands.hpp"

namespace enclavisor::host {

// -o text|json.
void add_format(CLI::App& app, bool& json);

// --platform, and what guests of AMD's hardware take beside it.
void add_platform(CLI::App& app, std::string& platform, SevOptions& sev);

class VmCommands {
public:
    explicit VmCommands(CLI::App& app);
    VmCommands(const VmCommands&) = delete;

    // What was asked for, done; absent: something else. `program`: from take_program().
    std::optional<Result<int>> run(const std::vector<std::string>& program);

private:
    using Action = std::function<Result<int>()>;
    CLI::App* add(CLI::App& parent, const char* name, const char* what, Action action);
    // About one enclave, or about a VM.
    CLI::App* add_resident(CLI::App& app, const char* name, const char* what, bool one, Action action);

    VmOptions vm_;
    ResidentOptions resident_;
    std::vector<std::string> program_;
    std::string format_;
    std::vector<std::pair<CLI::App*, Action>> actions_;
};

}  // namespace enclavisor::host
