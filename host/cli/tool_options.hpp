// The command line of what concerns manifests and packages.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/cli/commands.hpp"

namespace enclavisor::host {

class ToolCommands {
public:
    explicit ToolCommands(CLI::App& app);
    ToolCommands(const ToolCommands&) = delete;

    // What was asked for, done; absent: something else. `program`: the words that are a
    // program's and its arguments'.
    std::optional<Result<int>> run(const std::vector<std::string>& program);

private:
    using Action = std::function<Result<int>()>;
    CLI::App* add(CLI::App& app, const char* name, const char* what, Action action);

    ToolOptions options_;
    TraceOptions trace_;
    std::string shell_;
    std::vector<std::pair<CLI::App*, Action>> actions_;
};

}  // namespace enclavisor::host
