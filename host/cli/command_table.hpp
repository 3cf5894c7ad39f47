// What the parser of the command line knows, as a plain table.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace enclavisor::host {

struct OptionRow {
    std::vector<std::string> names;  // "-o", "--output"; of a word without a dash: its one name
    std::string description;
    std::string value;                 // what follows, "FILE"; empty: nothing
    std::vector<std::string> choices;  // all that may follow; empty: anything
};

struct CommandRow {
    std::vector<std::string> path;  // "vm", "start"; empty: the command itself
    std::string description;
    std::vector<OptionRow> options;
    std::vector<OptionRow> words;  // that are no options, in their order
    std::vector<CommandRow> commands;
    bool takes_program = false;  // its last words are a program and its arguments

    std::string name() const { return path.empty() ? "enclavisor" : path.back(); }
    // "vm start"
    std::string line() const;
};

CommandRow command_table(CLI::App& app);

}  // namespace enclavisor::host
