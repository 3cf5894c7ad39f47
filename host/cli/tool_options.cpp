#include "host/cli/tool_options.hpp"

#include "host/cli/completion.hpp"
#include "host/cli/program_words.hpp"
#include "host/cli/vm_options.hpp"

namespace enclavisor::host {
namespace {

constexpr const char* kTarget = "MANIFEST.toml, NAME.enclave or program";

// Status 1 has a meaning of its own for these: what fails is 2.
Result<int> with_status_2(Result<int> result) {
    if (result) return result;
    Error error = result.take_error();
    error.exit_code = 2;
    return base::Failure{std::move(error)};
}

Result<int> print_completion(CLI::App& app, const std::string& shell) {
    TRY(print(shell == "bash"  ? bash_completion(app)
              : shell == "zsh" ? zsh_completion(app)
                               : fish_completion(app)));
    return 0;
}

}  // namespace

ToolCommands::ToolCommands(CLI::App& app) {
    CLI::App* trace = add(app, "trace", "Run a program natively and write a manifest of what it uses",
                          [this] { return trace_command(trace_); });
    trace->add_option("-o,--output", trace_.output, "FILE.toml (default: the program's name, here)")
        ->type_name("FILE");
    trace->add_flag("-q,--quiet", trace_.quiet, "Do not say what was written");
    trace->formatter(std::make_shared<ProgramFormatter>());

    CLI::App* build = add(app, "build", "Write all that a manifest says, with hashes, into one file",
                          [this] { return build_command(options_); });
    build->add_option("MANIFEST", options_.target, "MANIFEST.toml or program")->required();
    build->add_option("-o,--output", options_.output, "NAME.enclave (default: the manifest's name, here)")
        ->type_name("FILE");

    CLI::App* check = add(app, "check", "Say what is wrong with a manifest, or risky",
                          [this] { return with_status_2(check_command(options_)); });
    check->add_option("MANIFEST", options_.target, "MANIFEST.toml")->required();
    check->footer("Exit status: 0 nothing to say; 1 warnings; 2 errors.");

    CLI::App* inspect = add(app, "inspect", "Show what a package or manifest consists of",
                            [this] { return inspect_command(options_); });
    inspect->add_option("FILE", options_.target, kTarget)->required();
    add_format(*inspect, options_.json);

    CLI::App* diff = add(app, "diff", "Say in what two packages or manifests differ",
                         [this] { return with_status_2(diff_command(options_)); });
    diff->add_option("BEFORE", options_.target, kTarget)->required();
    diff->add_option("AFTER", options_.other, kTarget)->required();
    add_format(*diff, options_.json);
    CLI::App* completion =
        add(app, "completion", "Print a script that completes this command line in a shell",
            [this, &app] { return print_completion(app, shell_); });
    completion->add_option("SHELL", shell_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    completion->footer("In bash: source <(enclavisor completion bash)");
    diff->footer("Exit status: 0 the same; 1 they differ; 2 one of them cannot be read.");
}

CLI::App* ToolCommands::add(CLI::App& app, const char* name, const char* what, Action action) {
    CLI::App* command = app.add_subcommand(name, what);
    actions_.emplace_back(command, std::move(action));
    return command;
}

std::optional<Result<int>> ToolCommands::run(const std::vector<std::string>& program) {
    trace_.program = program;
    for (const auto& [command, action] : actions_) {
        if (command->parsed()) return action();
    }
    return std::nullopt;
}

}  // namespace enclavisor::host
