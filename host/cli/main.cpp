// The `enclavisor` command.
#include <CLI/CLI.hpp>
#include <exception>

#include "host/cli/commands.hpp"

#ifndef ENCLAVISOR_VERSION
#error "the build defines ENCLAVISOR_VERSION"
#endif

namespace {

using namespace enclavisor::host;

constexpr const char* kFooter = R"(
Examples:
  enclavisor doctor                                     is everything in place?
  enclavisor run busybox sha256sum /etc/hostname        run a static program in an enclave
  enclavisor run --platform sim-sev ./app --its-option  on the model of encrypted memory
  enclavisor run app.toml                               run what a manifest describes
  enclavisor measure ./app                              the measurement, computed without a VM

Exit status of run: the program's own; 124 --timeout passed; 125 enclavisor
could not do it; 126 not a program that can run; 127 not found; 128+N the
program ended by fault or signal N.)";

// CLI11 does not know the words after the options.
class RunFormatter : public CLI::Formatter {
public:
    std::string make_usage(const CLI::App*, std::string) const override {
        return "Usage: enclavisor run [OPTIONS] [--] PROGRAM [ARGUMENTS...]\n"
               "       enclavisor run [OPTIONS] MANIFEST.toml\n\n";
    }
};

void add_run(CLI::App& app, RunOptions& options) {
    CLI::App* run = app.add_subcommand("run", "Run a static Linux program, or a manifest, in an enclave");
    run->prefix_command();  // what follows the program is the program's
    run->add_option("--manifest", options.program, "Manifest (TOML) to run")->type_name("FILE");
    run->add_option("--platform", options.platform, "plain, or sim-sev: memory as under SEV, modelled")
        ->type_name("NAME")
        ->capture_default_str();
    run->add_option("--memory", options.memory, "Memory of the VM (default: 512M or what the enclave needs)")
        ->type_name("SIZE");
    run->add_option("--limit", options.limit, "Memory limit of the enclave (default: 256M); it is measured")
        ->type_name("SIZE");
    run->add_option("--env", options.environment, "Environment variable for the program, NAME=value")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->allow_extra_args(false);
    run->add_option("--accel", options.accelerator, "auto, kvm or tcg (default: $ENCLAVISOR_ACCEL or auto)")
        ->type_name("NAME");
    run->add_option("--timeout", options.timeout, "End the program after so many seconds")
        ->type_name("SECONDS");
    run->add_flag("--print-measurement", options.print_measurement,
                  "Print the enclave's measurement on stderr");
    run->add_flag("-q,--quiet", options.quiet, "Do not say what is insecure");
    run->add_flag("-v,--verbose", options.verbose, "Say what happens; show the VM's log");
    run->formatter(std::make_shared<RunFormatter>());
    run->footer(kFooter);
}

// What CLI11 left over: "--" and then the program with its arguments.
Result<void> take_program(RunOptions& options, std::vector<std::string> rest) {
    if (!rest.empty() && rest.front() == "--") rest.erase(rest.begin());
    if (options.program.empty()) {
        if (rest.empty())
            return fail("no program is given", "enclavisor run PROGRAM; see enclavisor run --help");
        if (rest.front().starts_with('-')) {
            return fail("unknown option " + rest.front(), "see enclavisor run --help");
        }
        options.program = rest.front();
        rest.erase(rest.begin());
    } else if (!options.program.ends_with(".toml")) {
        return fail(options.program + " is not named like a manifest", "give FILE.toml");
    }
    options.arguments = std::move(rest);
    return {};
}

int report(Result<int> result) {
    if (result) return result.value();
    complain(result.error().text());
    return result.error().exit_code;
}

Result<int> run(RunOptions& options, const std::vector<std::string>& rest) {
    TRY(take_program(options, rest));
    return run_command(options);
}

int main_checked(int count, char** arguments) {
    CLI::App app{"Runs Linux programs as enclaves inside one secure VM."};
    app.set_version_flag("--version", "enclavisor " ENCLAVISOR_VERSION);
    app.require_subcommand(1);
    app.footer(kFooter);
    RunOptions options;
    add_run(app, options);
    std::string target, limit;
    CLI::App* measure =
        app.add_subcommand("measure", "Print the measurement of a program or manifest, without a VM");
    measure->add_option("PROGRAM", target, "Program or MANIFEST.toml")->required();
    measure->add_option("--limit", limit, "Memory limit, as given to run")->type_name("SIZE");
    app.add_subcommand("doctor", "Check what this machine has and lacks, with the cure");

    try {
        app.parse(count, arguments);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
        complain(std::string{error.what()} + " (see enclavisor --help)");
        return kExitFailure;
    }
    if (app.got_subcommand("run")) return report(run(options, app.get_subcommand("run")->remaining()));
    if (app.got_subcommand("measure")) return report(measure_command(target, limit));
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
