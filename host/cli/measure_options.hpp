// The command line of `measure`.
#pragma once

#include <CLI/CLI.hpp>

#include "host/cli/commands.hpp"

namespace enclavisor::host {

// `options` must outlive `app`'s parsing.
void add_measure(CLI::App& app, MeasureOptions& options);

}  // namespace enclavisor::host
