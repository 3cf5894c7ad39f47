// Commands whose last words are a program and its arguments, which are not CLI11's to interpret.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace enclavisor::host {

bool takes_program(const CLI::App& command);

// The names of the words that stand before the program.
std::vector<std::string> words_before(const CLI::App& command);

// Says in the usage what CLI11 does not know of.
class ProgramFormatter : public CLI::Formatter {
public:
    std::string make_usage(const CLI::App* app, std::string name) const override;
};

// Takes program and arguments away from the end of `words`, if they begin with such a command.
// Options end at "--" or at the first word that is none and belongs to the program.
std::vector<std::string> take_program(CLI::App& app, std::vector<std::string>& words);

}  // namespace enclavisor::host
