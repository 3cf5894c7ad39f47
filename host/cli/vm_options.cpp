#include "host/cli/vm_options.hpp"

#include "host/cli/program_words.hpp"
#include "host/daemon/place.hpp"

namespace enclavisor::host {

void add_format(CLI::App& app, bool& json) {
    app.add_option_function<std::string>(
           "-o,--output", [&json](const std::string& format) { json = format == "json"; }, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->type_name("FORMAT");
}

void add_platform(CLI::App& app, std::string& platform, SevOptions& sev) {
    app.add_option(
           "--platform", platform,
           "plain; sim-sev, a model; sev, sev-es, sev-snp: AMD's; auto: the strongest of AMD's, else sim-sev")
        ->type_name("NAME")
        ->check(CLI::IsMember(kPlatformNames))
        ->capture_default_str();
    for (const SevOption& option : kSevOptions) {
        app.add_option(option.name, sev.*option.value, option.help)
            ->type_name(option.type)
            ->group("Guests of AMD's hardware");
    }
}

VmCommands::VmCommands(CLI::App& app) {
    vm_.name = resident_.vm = kDefaultVm;
    CLI::App* vm = app.add_subcommand("vm", "VMs that stay: start, ls, stop, console, report");
    vm->require_subcommand(1);
    const auto named = [this](CLI::App* command) {
        command->add_option("NAME", vm_.name, "Of the VM")->capture_default_str();
        return command;
    };
    CLI::App* start = named(add(*vm, "start", "Start a VM with a daemon", [this] { return vm_start(vm_); }));
    add_platform(*start, vm_.platform, vm_.sev);
    start->add_option("--memory", vm_.memory, "Of the VM")->type_name("SIZE")->capture_default_str();
    start->add_option("--cpus", vm_.cpus, "Of the VM")->check(CLI::Range(1u, 64u))->capture_default_str();
    start->add_option("--accel", vm_.accelerator, "auto, kvm or tcg")
        ->check(CLI::IsMember(kAcceleratorNames));
    start->add_option("--metrics", vm_.metrics, "Show metrics to Prometheus at PORT or ADDRESS:PORT");
    start->add_option("--log-limit", vm_.log_limit, "Of each detached enclave's log (default: 16M; 0: none)")
        ->type_name("SIZE");
    start->add_option("--log-file", vm_.log_file, "Where the daemon tells of events (default: nowhere)");
    start->add_option("--log-format", vm_.log_format, "Of that file: text or json")
        ->check(CLI::IsMember({"text", "json"}));
    CLI::App* list = add(*vm, "ls", "List the VMs that have a daemon", [this] { return vm_list(vm_); });
    add_format(*list, vm_.json);
    named(add(*vm, "stop", "End a VM, its daemon and its enclaves", [this] { return vm_stop(vm_); }));
    named(add(*vm, "console", "Print what the kernel in a VM said", [this] { return vm_console(vm_); }));
    CLI::App* report = named(add(*vm, "report", "Have the secure processor make a report of a VM (SEV-SNP)",
                                 [this] { return vm_report(vm_); }));
    report->add_option("--data", vm_.data, "Its REPORT_DATA, up to 64 bytes in hexadecimal (default: zeros)")
        ->type_name("HEX");
    report->add_option("-o,--output", vm_.output, "Where to write the report, 1184 bytes")
        ->type_name("FILE")
        ->required();

    add_resident(app, "ps", "List the enclaves of a VM", false, [this] { return ps_command(resident_); });
    add_resident(app, "stats", "Print what a VM has and uses", false,
                 [this] { return stats_command(resident_); });
    add_resident(app, "top", "Show a VM and its enclaves, live", false,
                 [this] { return top_command(resident_); });
    add_resident(app, "wait", "Wait for an enclave's end; its exit status", true,
                 [this] { return wait_command(resident_); });
    CLI::App* logs = add_resident(app, "logs", "Print the output of a detached enclave", true,
                                  [this] { return logs_command(resident_); });
    logs->add_flag("-f,--follow", resident_.follow, "Go on until it has ended");
    CLI::App* exec = add_resident(app, "exec", "Run another program in an enclave that allows it", true,
                                  [this] { return exec_command(resident_, program_); });
    exec->formatter(std::make_shared<ProgramFormatter>());
    const std::pair<const char*, const char*> acts[] = {
        {"kill", "Send an enclave's program a signal, or end it (-s KILL)"},
        {"pause", "Let an enclave have no time"},
        {"resume", "Let a paused enclave go on"},
        {"rm", "Forget an enclave that has ended"}};
    for (const auto& [name, what] : acts) {
        CLI::App* act = add_resident(app, name, what, true, [this, action = std::string{name}] {
            return act_command(action, resident_);
        });
        if (std::string_view{name} == "kill") {
            act->add_option("-s,--signal", resident_.signal, "Name or number; KILL ends the enclave")
                ->capture_default_str();
        }
        if (std::string_view{name} == "rm") act->add_flag("-f,--force", resident_.force, "End it first");
    }
}

CLI::App* VmCommands::add(CLI::App& parent, const char* name, const char* what, Action action) {
    CLI::App* command = parent.add_subcommand(name, what);
    actions_.emplace_back(command, std::move(action));
    return command;
}

CLI::App* VmCommands::add_resident(CLI::App& app, const char* name, const char* what, bool one,
                                   Action action) {
    CLI::App* command = add(app, name, what, std::move(action));
    if (one) command->add_option("ID", resident_.id, "Of the enclave, as ps shows it")->required();
    command->add_option("--vm", resident_.vm, "Name of the VM")
        ->envname("ENCLAVISOR_VM")
        ->capture_default_str();
    add_format(*command, resident_.json);
    return command;
}

std::optional<Result<int>> VmCommands::run(const std::vector<std::string>& program) {
    program_ = program;
    for (const auto& [command, action] : actions_) {
        if (command->parsed()) return action();
    }
    return std::nullopt;
}

}  // namespace enclavisor::host
