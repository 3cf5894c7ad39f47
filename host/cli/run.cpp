// enclavisor run: one VM, one enclave, its program.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "host/cli/commands.hpp"
#include "host/cli/interrupt.hpp"
#include "host/cli/start.hpp"
#include "host/lib/application.hpp"
#include "host/lib/ending.hpp"
#include "host/lib/ensemble.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

constexpr std::uint64_t kDefaultMachineMib = 512;
// The kernel, its tables and the attestation enclave beside the user's enclave.
constexpr std::uint64_t kKernelMib = 64;

std::uint64_t limit_of(const Application& application) {
    std::uint64_t pages = application.image.create.memory_limit;
    for (const Application& member : application.members) pages += limit_of(member);
    return pages;
}

Result<std::uint64_t> machine_mib(const RunOptions& options, const Application& application) {
    const std::uint64_t limit_mib = limit_of(application) * abi::kPageSize >> 20;
    if (options.memory.empty()) return std::max(kDefaultMachineMib, limit_mib + kKernelMib);
    return parse_machine_memory(options.memory);
}

std::optional<std::chrono::milliseconds> longest_wait(const RunOptions& options) {
    if (options.timeout <= 0) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(options.timeout * 1000)};
}

// A relay's way to programs of this command's own VM: to all that can have it.
SignalRelay::Send sender_to(std::span<Enclave> enclaves) {
    return [enclaves](int number) {
        bool sent = false;
        for (Enclave& enclave : enclaves) {
            // Who has ended needs none.
            sent |= enclave.signal(number).ok() || enclave.is(abi::EnclaveState::kStopped);
        }
        return sent;
    };
}

// The exit status of the first of the enclaves that failed, or 0. `name` says what the
// one with that index is called in messages.
template <typename Name>
Result<int> wait_for_all(const RunOptions& options, std::span<Enclave> enclaves, Name name) {
    const SignalRelay relay{sender_to(enclaves)};
    int exit_code = 0;
    for (std::size_t i = 0; i < enclaves.size(); i++) {
        const auto status = enclaves[i].wait(longest_wait(options));
        if (interrupted.load() != 0) return 128 + interrupted.load();
        if (!status) return base::Failure{status.error()};
        const Ending ending = describe_ending(status.value());
        if (!ending.text.empty()) complain(fmt::format("{} {}", name(i), ending.text));
        if (exit_code == 0) exit_code = ending.exit_code;
    }
    return exit_code;
}

// The program has become a template: its instances run at once. The exit status of the
// first that fails, or 0.
Result<int> run_instances(const RunOptions& options, Enclave& origin, const StartParameters& start) {
    std::vector<Enclave> instances;
    for (unsigned i = 1; i <= options.instances; i++)
        instances.push_back(TRY(fork_instance(origin, start, i, options.instances)));
    return wait_for_all(options, instances, [&](std::size_t i) {
        return fmt::format("instance {} of {}", i + 1, options.program);
    });
}

Result<int> finish(const RunOptions& options, const Application& application, Machine& machine,
                   const abi::EnclaveStatus& status) {
    const Ending ending = describe_ending(status);
    if (!ending.text.empty()) complain(fmt::format("{} {}", application.name, ending.text));
    if (options.verbose) {
        complain(fmt::format("the enclave had {} in use when it ended; exit status {}",
                             format_size(status.pages * abi::kPageSize), ending.exit_code));
        if (const auto stats = machine.stats()) {
            complain(fmt::format("the VM has {} of {} frames free", stats.value().free_frames,
                                 stats.value().total_frames));
        }
    }
    return ending.exit_code;
}

}  // namespace

Result<int> run_command(const RunOptions& options) {
    catch_signals();
    if (!options.vm.empty()) return run_in_vm(options);
    const Application application = TRY(describe_application(options.program, options.limit));
    StartParameters start;
    start.arguments = TRY(arguments_for(application, options.program, options.arguments));
    MachineOptions machine_options;
    machine_options.memory_mib = TRY(machine_mib(options, application));
    machine_options.platform = TRY(platform_for(options.platform, machine_options.memory_mib));
    machine_options.sev = options.sev;
    machine_options.accelerator = options.accelerator;
    machine_options.cancelled = &interrupted;
    if (options.verbose) {
        machine_options.on_log_line = [](const std::string& line) { complain("vm: " + line); };
    }
    start.environment = TRY(environment_for(options));
    start.verbose = options.verbose;
    warn(options, application);
    for (const Application& member : application.members) warn(options, member);

    const auto machine = TRY(Machine::launch(machine_options));
    if (options.verbose) {
        complain(fmt::format("VM on platform {} ready after {} ms", platform_name(machine_options.platform),
                             machine->boot_time().count() / 1000));
    }
    if (const SevGuest* guest = machine->sev_guest()) {
        if (options.verbose) complain("launch digest " + to_hex(guest->digest));
        if (!options.quiet) warn_of_debugging(allows_debugging(*guest));
    }
    auto ensemble = TRY(build_ensemble(*machine, application, start));
    if (options.print_measurement || options.verbose) {
        complain("measurement " + to_hex(ensemble.measurement));
    }
    for (Enclave& enclave : ensemble.enclaves) TRY(enclave.start());
    if (!application.members.empty()) {
        return wait_for_all(options, ensemble.enclaves, [&](std::size_t i) { return ensemble.names[i]; });
    }
    Enclave& enclave = ensemble.enclaves[0];
    const auto longest = longest_wait(options);
    std::optional<SignalRelay> relay{sender_to({&enclave, 1})};
    const auto is_template = enclave.wait_for_template(longest);
    if (interrupted.load() != 0) return 128 + interrupted.load();
    if (!is_template) return base::Failure{is_template.error()};
    if (is_template.value()) {
        relay.reset();
        return run_instances(options, enclave, start);
    }
    const auto status = enclave.wait(longest);
    if (interrupted.load() != 0) return 128 + interrupted.load();
    if (!status) return base::Failure{status.error()};
    return finish(options, application, *machine, status.value());
}

}  // namespace enclavisor::host
