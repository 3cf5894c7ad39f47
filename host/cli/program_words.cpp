#include "host/cli/program_words.hpp"

#include <algorithm>

namespace enclavisor::host {

bool takes_program(const CLI::App& command) {
    return std::dynamic_pointer_cast<ProgramFormatter>(command.get_formatter()) != nullptr;
}

std::vector<std::string> words_before(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options()) {
        if (option->get_positional()) names.push_back(option->get_name(true));
    }
    return names;
}

std::string ProgramFormatter::make_usage(const CLI::App* app, std::string) const {
    std::string begin = "enclavisor " + app->get_name() + " [OPTIONS] ";
    for (const std::string& word : words_before(*app)) begin += word + " ";
    std::string usage = "Usage: " + begin + "[--] PROGRAM [ARGUMENTS...]\n";
    if (app->get_name() == "run") usage += "       " + begin + "MANIFEST.toml|NAME.enclave\n";
    return usage + "\n";
}

std::vector<std::string> take_program(CLI::App& app, std::vector<std::string>& words) {
    const auto found = app.get_subcommands([&](const CLI::App* command) {
        return !words.empty() && command->get_name() == words.front() && takes_program(*command);
    });
    if (found.empty()) return {};
    const CLI::App& command = *found.front();
    std::size_t end = 1;
    std::size_t others = words_before(command).size();
    while (end < words.size() && words[end] != "--") {
        if (!words[end].starts_with('-')) {
            if (others-- == 0) break;
            end++;
            continue;
        }
        const std::size_t equals = words[end].find('=');
        const CLI::Option* option = command.get_option_no_throw(words[end].substr(0, equals));
        const bool value_follows =
            option != nullptr && option->get_items_expected_min() > 0 && equals == std::string::npos;
        end += value_follows ? 2 : 1;
    }
    end = std::min(end, words.size());
    const std::size_t begin = end < words.size() && words[end] == "--" ? end + 1 : end;
    std::vector<std::string> program(words.begin() + static_cast<std::ptrdiff_t>(begin), words.end());
    words.resize(end);
    return program;
}

}  // namespace enclavisor::host
