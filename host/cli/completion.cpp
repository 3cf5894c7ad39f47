#include "host/cli/completion.hpp"

#include <fmt/format.h>

#include <functional>

#include "host/cli/command_table.hpp"

namespace enclavisor::host {
namespace {

using Words = std::vector<std::string>;

std::string join(const Words& words, const char* between) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
    return text;
}

// `quote`: what stands for a quote between single quotes.
std::string quoted(const std::string& text, const char* quote) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') {
            result += quote;
        } else {
            result += c;
        }
    }
    return result + "'";
}

std::string for_sh(const std::string& text) {
    return quoted(text, "'\\''");
}

void for_each(const CommandRow& row, const std::function<void(const CommandRow&)>& act) {
    act(row);
    for (const CommandRow& command : row.commands) for_each(command, act);
}

bool is_file(const std::string& value) {
    return value == "FILE" || value == "MANIFEST" || value == "PROGRAM" || value == "BEFORE" ||
           value == "AFTER";
}

Words names_of(const std::vector<CommandRow>& commands) {
    Words names;
    for (const CommandRow& command : commands) names.push_back(command.name());
    return names;
}

// --- bash -----------------------------------------------------------------------

// {0}: the steps from word to word; {1}: what may stand after them.
constexpr const char* kBash = R"(# Completion of enclavisor for bash: source it.
_enclavisor() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} command='' value='' words='' options='' kind='' i next
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        next=${{COMP_WORDS[i]}}
        [[ $next == '=' ]] && continue
        if [[ -n $value ]]; then value=''; continue; fi
        case "$command:$next" in
{0}        esac
        [[ $kind == arguments ]] && break
    done
    [[ $word == '=' ]] && word=''
    if [[ $kind != arguments ]]; then
        case "${{value:-$command}}" in
{1}        esac
        [[ -z $value && $word == -* ]] && words=$options kind=''
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    [[ -n $kind ]] || return 0
    compopt -o filenames 2>/dev/null
    local -a files=()
    mapfile -t files < <([[ $kind == program ]] && compgen -c -- "$word"; compgen -f -- "$word")
    COMPREPLY+=("${{files[@]}}")
}}
complete -F _enclavisor enclavisor
)";

// What is known of a value or word.
std::string bash_kind(const OptionRow& row, const std::string& value) {
    std::string text;
    if (!row.choices.empty()) text += " words=" + for_sh(join(row.choices, " "));
    if (row.choices.empty() && is_file(value)) text += " kind=file";
    return text;
}

void add_to_bash(const CommandRow& row, std::string& steps, std::string& replies) {
    const std::string line = row.line();
    Words options, values;
    for (const OptionRow& option : row.options) {
        for (const std::string& name : option.names) {
            options.push_back(name);
            if (option.value.empty()) continue;
            values.push_back(for_sh(fmt::format("{}:{}", line, name)));
            replies += fmt::format("            {}){} ;;\n", values.back(), bash_kind(option, option.value));
        }
    }
    for (const CommandRow& command : row.commands) {
        steps += fmt::format("            {}) command={} ;;\n", for_sh(line + ":" + command.name()),
                             for_sh(command.line()));
    }
    if (!values.empty()) steps += fmt::format("            {}) value=$command:$next ;;\n", join(values, "|"));
    if (!row.commands.empty()) steps += fmt::format("            {}[!-]*) return 0 ;;\n", for_sh(line + ":"));
    if (row.takes_program)
        steps +=
            fmt::format("            {0}-*) ;;\n            {0}*) kind=arguments ;;\n", for_sh(line + ":"));
    std::string reply = " options=" + for_sh(join(options, " "));
    if (!row.commands.empty()) reply += " words=" + for_sh(join(names_of(row.commands), " "));
    for (const OptionRow& word : row.words) reply += bash_kind(word, word.names.front());
    if (row.takes_program && row.words.empty()) reply += " kind=program";
    replies += fmt::format("            {}){} ;;\n", for_sh(line), reply);
}

// --- zsh ------------------------------------------------------------------------

std::string function_name(const CommandRow& row) {
    std::string name = "_enclavisor";
    for (const std::string& word : row.path) name += "_" + word;
    return name;
}

std::string zsh_action(const OptionRow& row, const std::string& value) {
    if (!row.choices.empty()) return "(" + join(row.choices, " ") + ")";
    return is_file(value) ? "_files" : "";
}

std::string zsh_option(const OptionRow& option) {
    std::string text = "[";
    for (const char c : option.description) {
        if (c == '[' || c == ']') text += '\\';
        text += c;
    }
    text += "]";
    if (!option.value.empty()) text += ":" + option.value + ":" + zsh_action(option, option.value);
    // Either name excludes the other.
    if (option.names.size() == 1) return for_sh(option.names.front() + text);
    return fmt::format("{}{{{}}}{}", for_sh("(" + join(option.names, " ") + ")"), join(option.names, ","),
                       for_sh(text));
}

std::string zsh_function(const CommandRow& row) {
    std::string arguments, cases, commands;
    for (const OptionRow& option : row.options) arguments += " \\\n        " + zsh_option(option);
    for (std::size_t i = 0; i < row.words.size(); i++) {
        const OptionRow& word = row.words[i];
        arguments += " \\\n        " + for_sh(fmt::format("{}:{}:{}", i + 1, word.names.front(),
                                                          zsh_action(word, word.names.front())));
    }
    if (row.takes_program) {
        arguments += fmt::format(" \\\n        '{}:PROGRAM:_enclavisor_programs' '*:ARGUMENTS:_files'",
                                 row.words.size() + 1);
    }
    if (row.commands.empty()) {
        return fmt::format("{}() {{\n    _arguments -S {}{}\n}}\n", function_name(row),
                           row.takes_program ? "-A '-*'" : "", arguments);
    }
    for (const CommandRow& command : row.commands) {
        commands += fmt::format(" \\\n            {}", for_sh(command.name() + ":" + command.description));
        cases += fmt::format("                {}) {} ;;\n", command.name(), function_name(command));
    }
    return fmt::format(R"({}() {{
    local state line
    local -a commands
    _arguments -C{} \
        '1:command:->command' '*::words:->words'
    case $state in
        command)
            commands=({})
            _describe command commands ;;
        words)
            case $line[1] in
{}            esac ;;
    esac
}}
)",
                       function_name(row), arguments, commands, cases);
}

// --- fish -----------------------------------------------------------------------

std::string for_fish(const std::string& text) {
    std::string escaped;
    for (const char c : text) escaped += c == '\\' ? std::string{"\\\\"} : std::string{c};
    return quoted(escaped, "\\'");
}

// When the words so far lead to `row` and no further.
std::string fish_condition(const CommandRow& row) {
    if (row.path.empty()) return "__fish_use_subcommand";
    std::string text;
    for (const std::string& word : row.path)
        text += (text.empty() ? "" : "; and ") + std::string{"__fish_seen_subcommand_from "} + word;
    if (!row.commands.empty())
        text += "; and not __fish_seen_subcommand_from " + join(names_of(row.commands), " ");
    return text;
}

std::string fish_values(const OptionRow& row, const std::string& value) {
    if (!row.choices.empty()) return " -x -a " + for_fish(join(row.choices, " "));
    return is_file(value) ? " -r -F" : " -x";
}

std::string fish_lines(const CommandRow& row) {
    std::string text;
    const std::string begin = "complete -c enclavisor -n " + for_fish(fish_condition(row));
    for (const CommandRow& command : row.commands)
        text += fmt::format("{} -f -a {} -d {}\n", begin, command.name(), for_fish(command.description));
    for (const OptionRow& option : row.options) {
        text += begin;
        for (const std::string& name : option.names)
            text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
        if (!option.value.empty()) text += fish_values(option, option.value);
        text += " -d " + for_fish(option.description) + "\n";
    }
    for (const OptionRow& word : row.words) {
        if (!word.choices.empty()) text += begin + " -f -a " + for_fish(join(word.choices, " ")) + "\n";
        if (word.choices.empty() && is_file(word.names.front())) text += begin + " -F\n";
    }
    if (row.takes_program) text += begin + " -F -a '(__fish_complete_command)'\n";
    return text;
}

}  // namespace

std::string bash_completion(CLI::App& app) {
    std::string steps, replies;
    for_each(command_table(app), [&](const CommandRow& row) { add_to_bash(row, steps, replies); });
    return fmt::format(kBash, steps, replies);
}

std::string zsh_completion(CLI::App& app) {
    std::string text =
        "#compdef enclavisor\n"
        "# Completion of enclavisor for zsh: source it, or put it into a folder of fpath as _enclavisor.\n"
        "_enclavisor_programs() {\n"
        "    _alternative 'commands:command:_command_names -e' 'files:file:_files'\n"
        "}\n";
    for_each(command_table(app), [&](const CommandRow& row) { text += zsh_function(row); });
    return text +
           "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
           "    _enclavisor \"$@\"\n"
           "else\n"
           "    compdef _enclavisor enclavisor\n"
           "fi\n";
}

std::string fish_completion(CLI::App& app) {
    std::string text = "# Completion of enclavisor for fish: source it.\ncomplete -c enclavisor -f\n";
    for_each(command_table(app), [&](const CommandRow& row) { text += fish_lines(row); });
    return text;
}

}  // namespace enclavisor::host
