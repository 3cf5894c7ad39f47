// `make bench`: guest instructions per operation, exact under QEMU's -icount.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "bench/linux.hpp"
#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/lib/file.hpp"
#include "host/lib/loader.hpp"
#include "host/lib/machine.hpp"

namespace enclavisor::bench {
namespace {

using host::Enclave;
using host::Machine;

template <typename T>
T must(host::Result<T> result) {
    if (result.ok()) return result.take();
    fmt::print(stderr, "bench: {}\n", result.error().text());
    std::exit(1);
}
void must(host::Result<void> result) {
    if (result.ok()) return;
    fmt::print(stderr, "bench: {}\n", result.error().text());
    std::exit(1);
}

std::filesystem::path program(const char* name) {
    return std::filesystem::path{BENCH_PROGRAMS} / name;
}

std::unique_ptr<Machine> launch(host::Platform platform) {
    host::MachineOptions options;
    options.platform = platform;
    options.memory_mib = 256;
    options.accelerator = "tcg";
    options.cpu = "max,-erms,-la57";
    options.icount = true;
    // No timer of an emulated device: an idle guest's clock would jump to it.
    options.extra_arguments = {"-rtc", "clock=host"};
    return must(Machine::launch(options));
}

std::uint64_t boot_instructions(Machine& machine) {
    return *const_cast<const volatile std::uint64_t*>(&machine.link().header().boot_tsc);
}

// What a function enclave without a runtime exits with.
std::uint64_t run_native(Machine& machine, const char* name) {
    const auto file = must(host::read_file(program(name)));
    const auto image = must(host::load_native({std::as_bytes(std::span{file}), name}, 1 << 20));
    auto enclave = must(Enclave::build(machine, image));
    must(enclave.start());
    return must(enclave.wait(std::chrono::seconds{60})).code;
}

// What the process enclave `micro` prints: name -> ticks per operation.
std::map<std::string, double> run_micro(Machine& machine, const std::filesystem::path& directory) {
    const auto path = program("micro");
    const auto application = must(host::describe_program(path, 64 << 20));
    auto enclave = must(Enclave::build(machine, application.image));
    const std::string output = directory / "output";
    const host::Fd out{::open(output.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600)};
    host::ProxyOptions proxy;
    proxy.standard_output = out.get();
    // Under -icount a doorbell takes QEMU so long that a proxy with ordinary
    // patience would sleep again before the next call.
    proxy.extra_arguments = {"--spin=20000"};
    must(enclave.attach_proxy(proxy));
    host::StartParameters start;
    start.arguments = {path.string(), directory / "target", "enclave"};
    must(enclave.hand_over(start));
    must(enclave.start());
    const auto status = must(enclave.wait(std::chrono::seconds{120}));
    std::map<std::string, double> figures;
    std::ifstream lines{output};
    for (std::string name; lines >> name;) lines >> figures[name];
    if (status.code != 0 || figures.empty()) {
        fmt::print(stderr, "bench: micro ended with {} and {} figures\n", status.code, figures.size());
        std::exit(1);
    }
    return figures;
}

std::string grouped(double value) {
    const std::string digits = fmt::format("{:.0f}", value);
    std::string result;
    for (std::size_t i = 0; i < digits.size(); i++) {
        if (i > 0 && (digits.size() - i) % 3 == 0) result.push_back(',');
        result.push_back(digits[i]);
    }
    return result;
}

void row(const char* what, double measured, const std::string& peer, const std::string& aim) {
    fmt::print("  {:<52} {:>13}  {:>28}  {}\n", what, grouped(measured), peer, aim);
}

void measure(host::Platform platform, const char* name, const std::filesystem::path& directory) {
    fmt::print("\n{} (guest instructions, -icount shift=0,sleep=off, -cpu max,-erms,-la57)\n", name);
    fmt::print("  {:<52} {:>13}  {:>28}  {}\n", "", "Enclavisor", "Linux guest", "aim");
    {
        const auto machine = launch(platform);
        const double boot = static_cast<double>(boot_instructions(*machine));
        const double first = static_cast<double>(run_native(*machine, "first_instruction"));
        row("boot: reset to kernel ready", boot, "", "3,000,000");
        row("boot: reset to first instruction, 1-page enclave *", first, kLinuxBoot, "");
        row("null kernel call", static_cast<double>(run_native(*machine, "kernel_call")) / 1000, "", "");
    }
    const auto machine = launch(platform);
    const auto figures = run_micro(*machine, directory);
    const auto figure = [&](const char* key) { return figures.contains(key) ? figures.at(key) : -1; };
    row("boot: reset to main() of a static musl program *", figure("main_reached"), kLinuxBoot, "");
    row("null local call (getppid)", figure("getppid"), grouped(kLinuxGetppid), "150");
    row("clock_gettime (vDSO)", figure("clock_gettime"), grouped(kLinuxClock), "");
    row("page fault, anonymous memory", figure("fault_anonymous"), grouped(kLinuxFault), "1,200");
    row("mmap + munmap of 4 KiB", figure("mmap_munmap"), grouped(kLinuxMmapMunmap), "");
    row("mmap + touch + munmap of 4 KiB", figure("mmap_touch_munmap"), grouped(kLinuxMmapTouchMunmap), "");
    row("forwarded write of 1 byte, enclave's side **", figure("write_1_byte"), grouped(kLinuxWrite), "400");
}

}  // namespace
}  // namespace enclavisor::bench

int main() {
    using namespace enclavisor;
    char directory[] = "/tmp/enclavisor-bench-XXXXXX";
    if (::mkdtemp(directory) == nullptr) return 1;
    bench::measure(host::Platform::kPlain, "plain", directory);
    bench::measure(host::Platform::kSimulatedSev, "sim-sev", directory);
    fmt::print(
        "\n *  with the attestation enclave's hashing and the kernel's polling while the host sends "
        "commands\n"
        " ** without the rounds of waiting for the proxy, which runs on another CPU (intercept over 1,000 "
        "calls)\n"
        "    The Linux figures are recorded ones (bench/linux.hpp).\n");
    std::filesystem::remove_all(directory);
}
