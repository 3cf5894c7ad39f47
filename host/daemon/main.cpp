// enclavisord: one VM, its enclaves, and their clients.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "host/daemon/daemon.hpp"
#include "host/lib/text.hpp"

namespace {

using namespace enclavisor::host;

struct Options {
    std::string name = kDefaultVm, platform = "plain", memory = "1G", accelerator;
    SevOptions sev;
    std::string metrics, log_limit, log_file, log_format = "text";
    unsigned cpus = 1;
    int ready_fd = -1;
};

std::atomic<int> stop{0};
extern "C" void on_signal(int number) {
    stop = number;
}

// Its limit for each enclave's log.
Result<std::uint64_t> parse_log_limit(const std::string& text) {
    if (text.empty()) return kDefaultLogLimit;
    const auto bytes = parse_size(text);
    if (bytes && (*bytes == 0 || *bytes >= kLeastLogLimit)) return *bytes;
    return fail(fmt::format("--log-limit {} is no limit", text), "use 64K or more, or 0 for none");
}

// The daemon's own log.
Result<EventLog> open_log(const Options& options) {
    Fd out{options.log_file.empty()
               ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
               : ::open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (!out && !options.log_file.empty())
        return fail(fmt::format("cannot write {}: {}", options.log_file, std::strerror(errno)),
                    "give --log-file another name");
    return EventLog{std::move(out), options.log_format == "json"};
}

Result<int> run(const Options& options) {
    // Not for QEMU and the proxies to keep open.
    if (options.ready_fd >= 0) ::fcntl(options.ready_fd, F_SETFD, FD_CLOEXEC);
    DaemonOptions daemon_options;
    daemon_options.version = ENCLAVISOR_VERSION;
    daemon_options.metrics = options.metrics;
    daemon_options.log_limit = TRY(parse_log_limit(options.log_limit));
    MachineOptions& machine = daemon_options.machine;
    machine.memory_mib = TRY(parse_machine_memory(options.memory));
    machine.platform = TRY(parse_platform(options.platform));
    machine.sev = options.sev;
    machine.cpus = options.cpus;
    machine.accelerator = options.accelerator;
    machine.cancelled = &stop;
    auto place = TRY(make_place(options.name));
    const Fd lock = TRY(take_lock(place));
    auto log = TRY(open_log(options));
    auto daemon = TRY(Daemon::begin(std::move(place), daemon_options, std::move(log)));
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
    app.add_option("--platform", options.platform, "As of 'enclavisor vm start', but auto")
        ->capture_default_str();
    for (const SevOption& option : kSevOptions)
        app.add_option(option.name, options.sev.*option.value, option.help)->type_name(option.type);
    app.add_option("--memory", options.memory, "Of the VM")->type_name("SIZE")->capture_default_str();
    app.add_option("--cpus", options.cpus, "Of the VM")->check(CLI::Range(1u, 64u))->capture_default_str();
    app.add_option("--accel", options.accelerator, "auto, kvm or tcg");
    app.add_option("--metrics", options.metrics, "Show metrics to Prometheus at PORT or ADDRESS:PORT");
    app.add_option("--log-limit", options.log_limit, "Of each detached enclave's log (default: 16M; 0: none)")
        ->type_name("SIZE");
    app.add_option("--log-file", options.log_file, "Where to tell of events (default: standard error)");
    app.add_option("--log-format", options.log_format, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
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
