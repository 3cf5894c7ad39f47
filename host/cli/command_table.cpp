#include "host/cli/command_table.hpp"

#include "host/cli/program_words.hpp"

namespace enclavisor::host {
namespace {

OptionRow row_of(const CLI::Option& option) {
    OptionRow row;
    row.description = option.get_description();
    if (option.get_positional()) {
        row.names.push_back(option.get_name(true));
    } else {
        for (const std::string& name : option.get_snames()) row.names.push_back("-" + name);
        for (const std::string& name : option.get_lnames()) row.names.push_back("--" + name);
    }
    if (option.get_items_expected_max() == 0) return row;
    // NAME:{choice,choice}, from a CLI::IsMember.
    const std::string type = option.get_type_name();
    const std::size_t open = type.find('{'), close = type.find('}');
    row.value = type.substr(0, type.find(':'));
    if (open == std::string::npos || close == std::string::npos) return row;
    for (std::size_t begin = open + 1; begin < close;) {
        const std::size_t end = std::min(type.find(',', begin), close);
        row.choices.push_back(type.substr(begin, end - begin));
        begin = end + 1;
    }
    return row;
}

CommandRow row_of(CLI::App& app, std::vector<std::string> path) {
    CommandRow row;
    row.path = std::move(path);
    row.description = app.get_description();
    row.takes_program = takes_program(app);
    for (const CLI::Option* option : app.get_options())
        (option->get_positional() ? row.words : row.options).push_back(row_of(*option));
    for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
        std::vector<std::string> below = row.path;
        below.push_back(command->get_name());
        row.commands.push_back(row_of(*command, std::move(below)));
    }
    return row;
}

}  // namespace

std::string CommandRow::line() const {
    std::string text;
    for (const std::string& word : path) text += (text.empty() ? "" : " ") + word;
    return text;
}

CommandRow command_table(CLI::App& app) {
    return row_of(app, {});
}

}  // namespace enclavisor::host
