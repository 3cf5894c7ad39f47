// enclavisor-sim-vmm: beside QEMU, what stands for the hypervisor of a simulated SEV-ES or SEV-SNP guest.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>

#include "host/lib/fd.hpp"
#include "host/lib/file.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/vmsa.hpp"
#include "sim/carrier.hpp"
#include "sim/tcg_cpuid.hpp"

namespace {

using namespace enclavisor;
using namespace enclavisor::sim;

struct Options {
    std::string platform, rom, psp, cpu = "max";
    std::vector<std::string> lies;
    unsigned vcpus = 1;
    std::uint64_t memory_mib = 512, features = 0;
    std::uint32_t tsc_khz = 0;
    int shared = -1, private_memory = -1, doors = -1, ready = -1;
    bool carries_devices = false;
};

// Until the VM is gone: a byte is the number of a vCPU that asks.
host::Result<void> serve(Carrier& carrier, int doors) {
    for (;;) {
        std::uint8_t asking[64];
        const ssize_t count = ::read(doors, asking, sizeof(asking));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return {};
        for (ssize_t i = 0; i < count; i++) {
            const auto end = carrier.serve(asking[i]);
            if (end && !end->empty()) return host::fail(*end);
            if (end) return {};
        }
    }
}

host::Result<void> run(const Options& options) {
    const auto platform = TRY(host::parse_platform(options.platform));
    if (!host::has_simulated_exits(platform))
        return host::fail(fmt::format("--platform {} needs none", options.platform),
                          "use sim-sev-es or sim-snp");
    std::vector<ToldLie> lies;
    for (const std::string& text : options.lies) lies.push_back(TRY(parse_lie(text)));
    const auto rom = TRY(host::read_file(options.rom));
    const auto firmware = TRY(host::parse_firmware(rom, options.rom));
    GuestRam ram = TRY(GuestRam::map(options.memory_mib, options.shared, options.private_memory));
    Processor processor =
        options.psp.empty() ? Processor::in_process() : TRY(Processor::connect(options.psp));
    const bool snp = platform == host::Platform::kSimulatedSnp;
    const std::uint32_t signature = TRY(host::cpu_signature(options.cpu));
    LaunchOptions how{snp, options.vcpus, signature, cpuid_page(), options.features, options.tsc_khz};
    for (const ToldLie& told : lies)
        if (told.lie->launch != nullptr) told.lie->launch(how);
    LaunchedGuest guest = TRY(launch(processor, ram, firmware, how));
    const std::string digest = host::to_hex(std::as_bytes(std::span{guest.digest}));
    Carrier carrier{processor, ram, guest, std::move(lies)};
    TRY(carrier.prepare(options.carries_devices));
    if (options.ready >= 0) {
        const std::string line = fmt::format("ready {}\n", digest);
        [[maybe_unused]] const ssize_t told = ::write(options.ready, line.data(), line.size());
        ::close(options.ready);
    }
    auto end = serve(carrier, options.doors);
    decommission(processor, guest);
    return end;
}

}  // namespace

int main(int count, char** arguments) {
    Options options;
    CLI::App app{"The hypervisor of a simulated SEV-ES or SEV-SNP guest, for tests. It protects nothing.",
                 "enclavisor-sim-vmm"};
    app.add_option("--platform", options.platform, "sim-sev-es or sim-snp")->required();
    app.add_option("--rom", options.rom, "The firmware that is launched")->required();
    app.add_option("--vcpus", options.vcpus, "How many")->check(CLI::Range(1, 255))->capture_default_str();
    app.add_option("--cpu", options.cpu, "Their model, as enclavisor measure has it")->capture_default_str();
    app.add_option("--features", options.features, "Of SEV_FEATURES, to turn on");
    app.add_option("--tsc-khz", options.tsc_khz, "Frequency of a secure TSC: that of QEMU's");
    app.add_option("--memory", options.memory_mib, "The VM's, in MiB")->capture_default_str();
    app.add_option("--shared-fd", options.shared, "File of the VM's RAM")->required();
    app.add_option("--private-fd", options.private_memory, "File of its private memory")->required();
    app.add_option("--doors-fd", options.doors, "Where the numbers of vCPUs that ask come")->required();
    app.add_option("--ready-fd", options.ready, "Where to write `ready` and the launch digest");
    app.add_option("--psp", options.psp, "Socket of enclavisor-sim-psp (default: a model of its own)");
    app.add_option("--lie", options.lies, "NAME[:N], after N honest answers (sim/lies.cpp)");
    app.add_flag("--carry-devices", options.carries_devices, "Answer for ports, registers and CPUID too");
    CLI11_PARSE(app, count, arguments);

    ::signal(SIGPIPE, SIG_IGN);
    try {
        const auto result = run(options);
        if (result.ok()) return 0;
        fmt::print(stderr, "enclavisor-sim-vmm: {}\n", result.error().text());
        return result.error().exit_code;
    } catch (const std::exception& error) {
        fmt::print(stderr, "enclavisor-sim-vmm: {}\n", error.what());
        return host::kExitFailure;
    }
}
