#include "bench/enclave_arm.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <span>

#include "bench/machine.hpp"
#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/lib/file.hpp"
#include "host/lib/loader.hpp"

namespace enclavisor::bench {
namespace {

constexpr std::chrono::minutes kLongest{10};
constexpr std::uint64_t kNullCalls = 1000;  // in programs/kernel_call.S

}  // namespace

static host::MachineOptions machine_options(host::Platform platform, std::uint64_t memory_mib) {
    host::MachineOptions options;
    options.platform = platform;
    options.memory_mib = memory_mib;
    options.accelerator = "tcg";
    options.cpu = kGuestCpu;
    return options;
}

host::Result<std::unique_ptr<host::Machine>> launch_timed(host::Platform platform, std::uint64_t memory_mib) {
    return host::Machine::launch(machine_options(platform, memory_mib));
}

host::Result<std::unique_ptr<host::Machine>> launch_counting(host::Platform platform,
                                                             std::uint64_t memory_mib) {
    host::MachineOptions options = machine_options(platform, memory_mib);
    options.icount = true;
    // No timer of an emulated device: an idle guest's clock would jump to it.
    options.extra_arguments = {"-rtc", "clock=host"};
    return host::Machine::launch(options);
}

host::Result<std::uint64_t> EnclaveArm::run_native(host::Machine& machine, const char* file) {
    const auto bytes = TRY(host::read_file(programs_ / file));
    const auto image = TRY(host::load_native({std::span{bytes}, file}, 1 << 20));
    auto enclave = TRY(host::Enclave::build(machine, image));
    TRY(enclave.start());
    return TRY(enclave.wait(std::chrono::seconds{60})).code;
}

host::Result<Figures> EnclaveArm::boot() {
    const auto machine = TRY(launch_counting(platform_, 256));
    Figures figures;
    figures["boot.kernel_ready"] =
        static_cast<double>(*const_cast<const volatile std::uint64_t*>(&machine->link().header().boot_tsc));
    figures["boot.first_instruction"] = static_cast<double>(TRY(run_native(*machine, "first_instruction")));
    figures["kernel_call.null"] = static_cast<double>(TRY(run_native(*machine, "kernel_call"))) / kNullCalls;
    return figures;
}

host::Result<Figures> EnclaveArm::run(const Program& program) {
    const auto path = programs_ / program.file;
    const auto application = TRY(host::describe_program(path, (program.memory_mib / 2) << 20));
    const auto machine = TRY((program.timed ? launch_timed : launch_counting)(platform_, program.memory_mib));
    auto enclave = TRY(host::Enclave::build(*machine, application.image));

    const auto output = work_ / "enclave-output";
    const host::Fd out{::open(output.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    host::ProxyOptions proxy;
    proxy.standard_output = proxy.standard_error = out.get();
    // Under -icount a doorbell takes QEMU so long that a proxy with ordinary
    // patience would sleep again before the next call.
    if (!program.timed) proxy.extra_arguments = {"--spin=20000"};
    TRY(enclave.attach_proxy(proxy));
    host::StartParameters start;
    start.arguments = {path.string()};
    start.arguments.insert(start.arguments.end(), program.arguments.begin(), program.arguments.end());
    // Where they write to; the runtime would answer a write to /dev/null itself.
    if (program.name == "micro") start.arguments.insert(start.arguments.end(), {work_ / "target", "enclave"});
    if (program.timed) start.arguments.push_back(work_ / "target");
    TRY(enclave.hand_over(start));
    TRY(enclave.start());
    const auto status = TRY(enclave.wait(kLongest));

    Figures figures;
    std::ifstream lines{output};
    const std::string other = read_figures(lines, program.name, figures);
    if (status.code != 0 || figures.empty()) {
        return host::fail(
            fmt::format("{} ended with {} in the enclave: {}", program.name, status.code, other));
    }
    return figures;
}

}  // namespace enclavisor::bench
