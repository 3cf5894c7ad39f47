// Scripts that complete the command line in shells, made of the commands and options as they
// are parsed: there is no second list.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace enclavisor::host {

std::string bash_completion(CLI::App& app);
std::string zsh_completion(CLI::App& app);
std::string fish_completion(CLI::App& app);

}  // namespace enclavisor::host
