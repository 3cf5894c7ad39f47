// enclavisor vm: daemons and their VMs.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "host/cli/commands.hpp"
#include "host/cli/start.hpp"
#include "host/daemon/client.hpp"
#include "host/lib/file.hpp"
#include "host/lib/machine.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/text.hpp"
#include "host/lib/vm_report.hpp"

namespace enclavisor::host {
namespace {

// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become_daemon(char* const* arguments, int nothing) {
    ::setsid();
    for (int fd = 0; fd < 2; fd++) ::dup2(nothing, fd);
    ::execv(arguments[0], arguments);
    ::_exit(kExitNotFound);
}

std::string read_all(int fd) {
    std::string text;
    char part[512];
    for (ssize_t got; (got = ::read(fd, part, sizeof part)) > 0 || (got < 0 && errno == EINTR);) {
        if (got > 0) text.append(part, static_cast<std::size_t>(got));
    }
    return text;
}

}  // namespace

Result<int> vm_start(const VmOptions& options) {
    (void)TRY(find_place(options.name));
    const std::uint64_t memory_mib = TRY(parse_machine_memory(options.memory));
    const Platform platform = TRY(platform_for(options.platform, memory_mib));
    const auto program = TRY(find_daemon()).string();
    // What it says before clients can come: "ready", or on the error stream why not.
    int ready[2], said[2];
    if (::pipe2(ready, O_CLOEXEC) != 0 || ::pipe2(said, O_CLOEXEC) != 0) return fail("cannot create a pipe");
    const Fd ready_reader{ready[0]}, said_reader{said[0]};
    Fd ready_writer{ready[1]}, said_writer{said[1]};
    std::vector<std::string> words{program,
                                   "--name",
                                   options.name,
                                   "--platform",
                                   platform_name(platform),
                                   "--memory",
                                   options.memory,
                                   "--cpus",
                                   std::to_string(options.cpus),
                                   "--ready-fd",
                                   std::to_string(ready_writer.get())};
    const std::pair<const char*, const std::string&> given[] = {{"--accel", options.accelerator},
                                                                {"--metrics", options.metrics},
                                                                {"--log-limit", options.log_limit},
                                                                {"--log-file", options.log_file},
                                                                {"--log-format", options.log_format}};
    for (const auto& [name, value] : given) {
        if (!value.empty()) words.insert(words.end(), {name, value});
    }
    for (const SevOption& option : kSevOptions) {
        const std::string& value = options.sev.*option.value;
        if (!value.empty()) words.insert(words.end(), {option.name, value});
    }
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const Fd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    const pid_t child = ::fork();
    if (child < 0) return fail(fmt::format("cannot start a process: {}", std::strerror(errno)));
    if (child == 0) {
        ::fcntl(ready_writer.get(), F_SETFD, 0);
        ::dup2(said_writer.get(), STDERR_FILENO);
        become_daemon(arguments.data(), nothing.get());
    }
    ready_writer.reset();
    said_writer.reset();
    if (read_all(ready_reader.get()) == "ready\n") {
        if (is_hardware(platform)) {
            const Json stats = TRY(ask(options.name, {{"op", "stats"}}));
            warn_of_debugging(get_or(stats, "debugging", false));
        }
        return 0;
    }
    std::string why = read_all(said_reader.get());
    while (!why.empty() && why.back() == '\n') why.pop_back();
    const std::string name = "enclavisord: ";
    if (why.starts_with(name)) why.erase(0, name.size());
    return fail(why.empty() ? "enclavisord ended without a word" : why);
}

Result<int> vm_list(const VmOptions& options) {
    Json list = Json::array();
    for (const VmPlace& place : living_places()) {
        const auto stats = ask(place.name, {{"op", "stats"}});
        list.push_back(stats.ok() ? stats.value()
                                  : Json{{"name", place.name}, {"problem", stats.error().text()}});
    }
    if (options.json) {
        TRY(print(list.dump(2) + "\n"));
        return 0;
    }
    std::string text = fmt::format("{:<16} {:<9} {:>5} {:>9} {:>9} {:>8} {:>8}\n", "NAME", "PLATFORM",
                                   "VCPUS", "FREE MiB", "MiB", "ENCLAVES", "PID");
    for (const Json& vm : list) {
        text += fmt::format("{:<16} {:<9} {:>5} {:>9} {:>9} {:>8} {:>8}\n",
                            get_or<std::string>(vm, "name", ""), get_or<std::string>(vm, "platform", "?"),
                            get_or(vm, "cpus", 0), get_or<std::uint64_t>(vm, "free_frames", 0) >> 8,
                            get_or<std::uint64_t>(vm, "frames", 0) >> 8, get_or(vm, "enclaves", 0),
                            get_or(vm, "pid", 0));
    }
    TRY(print(text));
    return 0;
}

Result<int> vm_stop(const VmOptions& options) {
    const VmPlace place = TRY(find_place(options.name));
    (void)TRY(ask(options.name, {{"op", "stop"}}));
    // Gone when this returns: the next one can start.
    for (int i = 0; i < 600; i++) {
        if (!is_locked(place)) return 0;
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    return fail(fmt::format("the daemon of VM '{}' does not end", options.name), "end its process");
}

Result<int> vm_console(const VmOptions& options) {
    const Json answer = TRY(ask(options.name, {{"op", "console"}}));
    TRY(print(get_or<std::string>(answer, "text", "")));
    return 0;
}

Result<int> vm_report(const VmOptions& options) {
    (void)TRY(parse_report_data(options.data));
    const Json answer = TRY(ask(options.name, {{"op", "report"}, {"data", options.data}}));
    const auto bytes = parse_hex(get_or<std::string>(answer, "report", ""));
    if (!bytes || bytes->size() != abi::kReportSize) return fail("the daemon's answer is no report");
    TRY(write_file(options.output, {reinterpret_cast<const char*>(bytes->data()), bytes->size()}));
    VmReport report;
    std::copy(bytes->begin(), bytes->end(), report.begin());
    TRY(print(fmt::format("{}\n", to_hex(launch_digest_in(report)))));
    return 0;
}

}  // namespace enclavisor::host
