// enclavisord: one VM, its enclaves, and their clients.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>

#include "host/daemon/daemon.hpp"

namespace {

using namespace enclavisor::host;

struct Options {
    std::string name = kDefaultVm, platform = "plain", memory = "1G", accelerator;
    unsigned cpus = 1;
    int ready_fd = -1;
};

std::atomic<int> stop{0};
extern "C" void on_signal(int number) {
    stop = number;
}

Result<int> run(const Options& options) {
    // Not for QEMU and the proxies to keep open.
    if (options.ready_fd >= 0) ::fcntl(options.ready_fd, F_SETFD, FD_CLOEXEC);
    MachineOptions machine;
    machine.memory_mib = TRY(parse_machine_memory(options.memory));
    machine.platform = TRY(parse_platform(options.platform));
    machine.cpus = options.cpus;
    machine.accelerator = options.accelerator;
    machine.cancelled = &stop;
    auto place = TRY(make_place(options.name));
    const Fd lock = TRY(take_lock(place));
    auto daemon = TRY(Daemon::begin(std::move(place), machine));
    if (options.ready_fd >= 0) {
        [[maybe_unused]] const ssize_t told = ::write(options.ready_fd, "ready\n", 6);
        ::close(options.ready_fd);
    }
    const auto served = daemon->serve(stop);
    daemon.reset();
    if (!served.ok()) return enclavisor::base::Failure{served.error()};
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    Options options;
    CLI::App app{"Owns a secure VM and serves the host applications of its enclaves.", "enclavisord"};
    app.set_version_flag("--version", "enclavisord " ENCLAVISOR_VERSION);
    app.add_option("--name", options.name, "Of the VM")->capture_default_str();
    app.add_option("--platform", options.platform, "plain or sim-sev")->capture_default_str();
    app.add_option("--memory", options.memory, "Of the VM")->type_name("SIZE")->capture_default_str();
    app.add_option("--cpus", options.cpus, "Of the VM")->check(CLI::Range(1u, 64u))->capture_default_str();
    app.add_option("--accel", options.accelerator, "auto, kvm or tcg");
    app.add_option("--ready-fd", options.ready_fd, "Where to write a line when clients can come");
    CLI11_PARSE(app, count, arguments);

    struct sigaction action {};
    action.sa_handler = on_signal;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    try {
        const auto result = run(options);
        if (result.ok()) return result.value();
        fmt::print(stderr, "enclavisord: {}\n", result.error().text());
        return result.error().exit_code;
    } catch (const std::exception& error) {
        fmt::print(stderr, "enclavisord: {} (this is a defect or a lack of memory)\n", error.what());
        return kExitFailure;
    }
}
