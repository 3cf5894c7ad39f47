// The `enclavisor` command.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>

#include "host/cli/commands.hpp"
#include "host/cli/measure_options.hpp"
#include "host/cli/program_words.hpp"
#include "host/cli/tool_options.hpp"
#include "host/cli/vm_options.hpp"
#include "host/lib/application.hpp"
#include "host/lib/text.hpp"

#ifndef ENCLAVISOR_VERSION
#error "the build defines ENCLAVISOR_VERSION"
#endif

namespace {

using namespace enclavisor::host;

std::vector<std::string> commands(CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; }))
        names.push_back(command->get_name());
    return names;
}

constexpr const char* kFooter = R"(
Examples:
  enclavisor doctor                                     is everything in place?
  enclavisor run busybox sha256sum /etc/hostname        run a static program in an enclave
  enclavisor run --platform sim-sev ./app --its-option  on the model of encrypted memory
  enclavisor run --platform auto ./app                  on the strongest hardware there is here
  enclavisor run app.toml                               run what a manifest describes
  enclavisor measure ./app                              the measurement, computed without a VM
  enclavisor measure --platform sev-snp --cpu-model EPYC-v4     the VM's launch digest
  enclavisor trace ./app; enclavisor check app.toml     a manifest, from what a run used
  enclavisor vm start; enclavisor run --vm default ./app; enclavisor ps     many in one VM

Exit status of run: the program's own; 124 --timeout passed; 125 enclavisor
could not do it; 126 not a program that can run; 127 not found; 128+N the
program ended by fault or signal N.)";

CLI::App* add_run(CLI::App& app, RunOptions& options) {
    CLI::App* run = app.add_subcommand("run", "Run a Linux program, a manifest or a package in an enclave");
    run->add_option("--manifest", options.program, "Manifest (TOML) to run")->type_name("FILE");
    add_platform(*run, options.platform, options.sev);
    run->add_option("--memory", options.memory, "Memory of the VM (default: 512M or what the enclave needs)")
        ->type_name("SIZE");
    run->add_option("--limit", options.limit, "Memory limit of the enclave (default: 256M); it is measured")
        ->type_name("SIZE");
    run->add_option("--env", options.environment, "Environment variable for the program, NAME=value")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->allow_extra_args(false);
    run->add_option("--accel", options.accelerator, "auto, kvm or tcg (default: $ENCLAVISOR_ACCEL or auto)")
        ->type_name("NAME")
        ->check(CLI::IsMember(kAcceleratorNames));
    run->add_option(
           "--instances", options.instances,
           "Of a program that becomes a template (default: 1); each gets its number as its last argument")
        ->type_name("N")
        ->check(CLI::Range(1u, 200u));
    run->add_option("--timeout", options.timeout, "End the program after so many seconds")
        ->type_name("SECONDS");
    run->add_option("--vm", options.vm, "Run in this VM, which has a daemon (default: a VM of its own)")
        ->type_name("NAME")
        ->envname("ENCLAVISOR_VM");
    run->add_flag("-d,--detach", options.detach, "With --vm: print the enclave's number and do not wait");
    run->add_flag("--allow-exec", options.allow_exec,
                  "With --vm: let the host start further programs in it (enclavisor exec); it is measured");
    run->add_flag("--print-measurement", options.print_measurement,
                  "Print the enclave's measurement on stderr");
    run->add_flag("-q,--quiet", options.quiet, "Do not say what is insecure");
    run->add_flag("-v,--verbose", options.verbose, "Say what happens; show the VM's log");
    run->formatter(std::make_shared<ProgramFormatter>());
    run->footer(kFooter);
    return run;
}

Result<int> run(RunOptions& options, std::vector<std::string> program) {
    if (options.program.empty()) {
        if (program.empty())
            return fail("no program is given", "enclavisor run PROGRAM; see enclavisor run --help");
        options.program = program.front();
        program.erase(program.begin());
    } else if (!is_manifest(options.program)) {
        return fail(options.program + " is not named like a manifest", "give FILE.toml");
    }
    options.arguments = std::move(program);
    if (options.detach && options.vm.empty()) {
        return fail("--detach needs a VM that stays",
                    "start one with 'enclavisor vm start' and give --vm default");
    }
    if (options.allow_exec && options.vm.empty()) {
        return fail("--allow-exec needs a VM that stays",
                    "start one with 'enclavisor vm start' and give --vm default");
    }
    if (!options.vm.empty()) {
        for (const SevOption& option : kSevOptions) {
            if (!(options.sev.*option.value).empty())
                return fail(fmt::format("{} is for a VM that is to be started, and --vm names one that runs",
                                        option.name),
                            "give it to 'enclavisor vm start'");
        }
    }
    return run_command(options);
}

Result<int> help(const CLI::App& app, bool version) {
    TRY(print(version ? app.version() + "\n" : app.help()));
    return 0;
}

Result<int> unknown_command(const std::string& word, const std::vector<std::string>& known) {
    const auto near = did_you_mean(word, known);
    return fail("there is no command '" + word + "'",
                near ? "did you mean '" + *near + "'?" : "see enclavisor --help");
}

int report(Result<int> result) {
    if (result) return result.value();
    complain(result.error().text());
    return result.error().exit_code;
}

int main_checked(int count, char** arguments) {
    CLI::App app{"Runs Linux programs as enclaves inside one secure VM.", "enclavisor"};
    app.set_version_flag("--version", "enclavisor " ENCLAVISOR_VERSION);
    app.require_subcommand(1);
    app.footer(kFooter);
    RunOptions options;
    CLI::App* run_app = add_run(app, options);
    MeasureOptions measure;
    add_measure(app, measure);
    app.add_subcommand("doctor", "Check what this machine has and lacks, with the cure");

    ToolCommands tool_commands{app};
    VmCommands vm_commands{app};

    std::vector<std::string> words(arguments + 1, arguments + count);
    std::vector<std::string> program = take_program(app, words);
    if (!words.empty() && !words.front().starts_with('-')) {
        const auto known = commands(app);
        if (std::find(known.begin(), known.end(), words.front()) == known.end()) {
            return report(unknown_command(words.front(), known));
        }
    }
    try {
        std::reverse(words.begin(), words.end());  // as CLI11 wants them
        app.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
        return report(help(app, false));
    } catch (const CLI::CallForVersion&) {
        return report(help(app, true));
    } catch (const CLI::ParseError& error) {
        complain(std::string{error.what()} + " (see enclavisor --help)");
        return kExitFailure;
    }
    if (app.got_subcommand(run_app)) return report(run(options, std::move(program)));
    if (auto done = tool_commands.run(program)) return report(std::move(*done));
    if (auto done = vm_commands.run(program)) return report(std::move(*done));
    if (app.got_subcommand("measure")) return report(measure_command(measure));
    return report(doctor_command());
}

}  // namespace

int main(int count, char** arguments) {
    try {
        return main_checked(count, arguments);
    } catch (const std::exception& error) {
        complain(std::string{error.what()} + " (this is a defect or a lack of memory)");
        return kExitFailure;
    }
}
