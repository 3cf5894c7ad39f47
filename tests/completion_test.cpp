// The scripts that complete the command line, in the shells that they are for.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "tests/support/command.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;

// What bash offers after these words, the last of which is being written.
std::set<std::string> offers(const TempDir& folder, const std::vector<std::string>& words) {
    std::string list;
    for (const std::string& word : words) list += " '" + word + "'";
    RunOptions options;
    options.directory = folder.path();
    options.inherit_environment = true;
    const RunResult result = run({"/bin/bash", "--norc", "-c",
                                  "source <(\"$0\" completion bash); COMP_WORDS=(enclavisor" + list +
                                      "); COMP_CWORD=" + std::to_string(words.size()) +
                                      "; _enclavisor; printf '%s\\n' \"${COMPREPLY[@]}\"",
                                  enclavisor_command()},
                                 options);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    std::set<std::string> lines;
    std::istringstream text{result.out};
    for (std::string line; std::getline(text, line);) {
        if (!line.empty()) lines.insert(line);
    }
    return lines;
}
using Offers = std::set<std::string>;

TEST(Completion, BashKnowsTheFunction) {
    RunOptions options;
    options.inherit_environment = true;
    const RunResult result =
        run({"/bin/bash", "--norc", "-c", "source <(\"$0\" completion bash); complete -p enclavisor",
             enclavisor_command()},
            options);
    EXPECT_EQ(result.out, "complete -F _enclavisor enclavisor\n") << result.err;
}

TEST(Completion, CommandsOptionsAndValues) {
    const TempDir folder;
    const Offers platforms{"auto", "plain", "sev", "sev-es", "sev-snp", "sim-sev", "sim-sev-es", "sim-snp"};
    EXPECT_EQ(offers(folder, {"ru"}), Offers{"run"});
    EXPECT_EQ(offers(folder, {"vm", "st"}), (Offers{"start", "stop"}));
    EXPECT_EQ(offers(folder, {"run", "--pl"}), Offers{"--platform"});
    EXPECT_EQ(offers(folder, {"run", "--platform", ""}), platforms);
    EXPECT_EQ(offers(folder, {"run", "--platform", "="}), platforms);
    EXPECT_EQ(offers(folder, {"run", "--platform", "=", "sev-"}), (Offers{"sev-es", "sev-snp"}));
    EXPECT_EQ(offers(folder, {"vm", "start", "--id-"}), (Offers{"--id-auth", "--id-block"}));
    EXPECT_EQ(offers(folder, {"run", "--platform", "plain", "--li"}), Offers{"--limit"});
    EXPECT_EQ(offers(folder, {"vm", "start", "--accel", "k"}), Offers{"kvm"});
    EXPECT_EQ(offers(folder, {"diff", "-o", "j"}), Offers{"json"});
    EXPECT_EQ(offers(folder, {"completion", ""}), (Offers{"bash", "fish", "zsh"}));
    EXPECT_EQ(offers(folder, {"no-such-command", ""}), Offers{});
}

TEST(Completion, FilesAndPrograms) {
    const TempDir folder;
    write_file(folder / "app", "");
    write_file(folder / "app.toml", "");
    fs::create_directory(folder / "texts");
    EXPECT_EQ(offers(folder, {"check", ""}), (Offers{"app", "app.toml", "texts"}));
    EXPECT_EQ(offers(folder, {"trace", "-o", "app.t"}), Offers{"app.toml"});
    const Offers programs = offers(folder, {"run", "s"});
    EXPECT_TRUE(programs.count("sqlite3") == 1 && programs.count("sh") == 1);
    EXPECT_EQ(offers(folder, {"run", "./ap"}), (Offers{"./app", "./app.toml"}));
    // Behind the program stand its own words.
    EXPECT_EQ(offers(folder, {"run", "app", "--pl"}), Offers{});
    EXPECT_EQ(offers(folder, {"run", "--", "app", "te"}), Offers{"texts"});
}

// All that is offered exists, and all that exists is offered.
TEST(Completion, IsWhatTheCommandUnderstands) {
    const TempDir folder;
    const Offers commands = offers(folder, {""});
    EXPECT_GE(commands.size(), 15u);
    for (const std::string& name : commands) {
        const RunResult help = command({name, "--help"});
        EXPECT_EQ(help.status, 0) << name;
        const Offers options = offers(folder, {name, "-"});
        std::istringstream text{help.out};
        Offers shown;
        for (std::string word; text >> word;) {
            for (std::size_t at; word.starts_with('-') && !word.empty();) {
                at = std::min(word.find_first_of(",="), word.size());
                if (at > 1) shown.insert(word.substr(0, at));
                word.erase(0, at + 1);
            }
        }
        for (const std::string& option : options) EXPECT_EQ(shown.count(option), 1u) << name << " " << option;
        EXPECT_GE(options.size(), 2u) << name;
    }
}

TEST(Completion, FishAndZshTakeTheirs) {
    const TempDir folder;
    write_file(folder / "app", "");
    write_file(folder / "app.toml", "");
    RunOptions options;
    options.directory = folder.path();
    options.inherit_environment = true;
    const RunResult fish = run({"/usr/bin/fish", "--no-config", "-c",
                                "$argv[1] completion fish | source; complete -C 'enclavisor ru'; "
                                "complete -C 'enclavisor run --platform '; complete -C 'enclavisor vm st'; "
                                "complete -C 'enclavisor check app'",
                                enclavisor_command()},
                               options);
    std::istringstream text{fish.out};
    std::vector<std::string> words;
    for (std::string line; std::getline(text, line);) words.push_back(line.substr(0, line.find('\t')));
    EXPECT_EQ(words, (std::vector<std::string>{"run", "auto", "plain", "sev", "sev-es", "sev-snp", "sim-sev",
                                               "sim-sev-es", "sim-snp", "start", "stop", "app", "app.toml"}))
        << fish.out << fish.err;
    const RunResult zsh = run({"/usr/bin/zsh", "-f", "-c",
                               "autoload -Uz compinit; compinit -D -u; source <($1 completion zsh); "
                               "print $_comps[enclavisor] $+functions[_enclavisor_vm_start]",
                               "zsh", enclavisor_command()},
                              options);
    EXPECT_EQ(zsh.out, "_enclavisor 1\n") << zsh.err;
    EXPECT_EQ(zsh.err, "");
}

TEST(Completion, ShellsThatAreNone) {
    expect_complaint(command({"completion", "tcsh"}), 125, {"tcsh", "bash"});
    expect_complaint(command({"completion"}), 125, {"SHELL"});
}

}  // namespace
}  // namespace enclavisor::tests
