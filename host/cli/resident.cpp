// enclavisor ps and its relatives: the enclaves in a daemon's VM.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "host/cli/commands.hpp"
#include "host/cli/interrupt.hpp"
#include "host/daemon/client.hpp"
#include "host/daemon/output_log.hpp"
#include "host/lib/signals.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

using namespace std::chrono_literals;

Json about(const char* op, const ResidentOptions& options) {
    return {{"op", op}, {"id", options.id}, {"force", options.force}};
}

std::string duration(std::uint64_t seconds) {
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

// "-" for what has none.
std::string size_in(const Json& enclave, const char* name) {
    const auto bytes = get_or<std::uint64_t>(enclave, name, 0);
    return bytes == 0 ? "-" : format_size(bytes);
}

std::string table(const Json& enclaves) {
    std::string text = fmt::format("{:>5} {:<16} {:<15} {:>7} {:>9} {:>9} {:>9} {:>5} {}\n", "ID", "NAME",
                                   "STATE", "AGE", "MEMORY", "LIMIT", "CPU", "%CPU", "MEASUREMENT");
    for (const Json& enclave : enclaves) {
        auto state = get_or<std::string>(enclave, "state", "?");
        if (state == "ended") state += fmt::format(" with {}", get_or(enclave, "exit_code", 0));
        const double percent = get_or(enclave, "cpu_percent", -1.0);
        text += fmt::format("{:>5} {:<16} {:<15} {:>7} {:>9} {:>9} {:>8.2f}s {:>5} {:.16}\n",
                            get_or<std::uint64_t>(enclave, "id", 0),
                            get_or<std::string>(enclave, "name", "?"), state,
                            duration(get_or<std::uint64_t>(enclave, "seconds", 0)), size_in(enclave, "bytes"),
                            size_in(enclave, "limit_bytes"), get_or(enclave, "cpu_seconds", 0.0),
                            percent < 0 ? "-" : fmt::format("{:.0f}", percent),
                            get_or<std::string>(enclave, "measurement", ""));
    }
    return text;
}

// What each had of a vCPU since `before`, of 100.
void add_percent(Json& enclaves, const Json& before, double seconds) {
    for (Json& enclave : enclaves) {
        for (const Json& old : before) {
            if (get_or(old, "id", 0) != get_or(enclave, "id", -1)) continue;
            const double used = get_or(enclave, "cpu_seconds", 0.0) - get_or(old, "cpu_seconds", 0.0);
            enclave["cpu_percent"] = std::max(0.0, 100 * used / seconds);
        }
    }
}

// How busy the vCPUs were between two answers to stats, of 100.
double busy(const Json& before, const Json& after) {
    const auto difference = [&](const char* name) {
        return static_cast<double>(get_or<std::uint64_t>(after, name, 0) -
                                   get_or<std::uint64_t>(before, name, 0));
    };
    const double all = difference("tsc") * get_or(after, "cpus", 1);
    return all > 0 ? std::max(0.0, 100 * (1 - difference("idle_ticks") / all)) : 0;
}

std::string summary(const Json& stats) {
    const auto frames = get_or<std::uint64_t>(stats, "frames", 0),
               free = get_or<std::uint64_t>(stats, "free_frames", 0);
    return fmt::format("VM {} on {}: {} vCPUs, {} of {} MiB in use, {} enclaves",
                       get_or<std::string>(stats, "name", "?"), get_or<std::string>(stats, "platform", "?"),
                       get_or(stats, "cpus", 0), (frames - free) >> 8, frames >> 8,
                       get_or(stats, "enclaves", 0));
}

// Copies what a log has beyond `offset`; what was cut off is named, and the rest of its last line left out.
Result<std::uint64_t> copy_log(int log, std::uint64_t offset) {
    const std::uint64_t kept = first_kept(log, offset);
    bool torn = kept > offset;
    if (torn) complain(fmt::format("{} bytes of the log were cut off (vm start --log-limit)", kept - offset));
    offset = kept;
    char part[16384];
    for (ssize_t got; (got = ::pread(log, part, sizeof part, static_cast<off_t>(offset))) > 0;) {
        std::string_view text{part, static_cast<std::size_t>(got)};
        offset += text.size();
        if (torn) {
            const std::size_t end = text.find('\n');
            torn = end == std::string_view::npos;
            text.remove_prefix(torn ? text.size() : end + 1);
        }
        TRY(print(std::string{text}));
    }
    return offset;
}

}  // namespace

Result<int> ps_command(const ResidentOptions& options) {
    const Json answer = TRY(ask(options.vm, {{"op", "ps"}}));
    TRY(print(options.json ? answer.at("enclaves").dump(2) + "\n" : table(answer.at("enclaves"))));
    return 0;
}

Result<int> stats_command(const ResidentOptions& options) {
    const Json answer = TRY(ask(options.vm, {{"op", "stats"}}));
    const Json enclaves = TRY(ask(options.vm, {{"op", "ps"}})).at("enclaves");
    if (options.json) {
        Json both = answer;
        both["each"] = enclaves;
        TRY(print(both.dump(2) + "\n"));
    } else {
        TRY(print(summary(answer) + "\n\n" + table(enclaves)));
    }
    return 0;
}

Result<int> top_command(const ResidentOptions& options) {
    catch_signals();
    using Clock = std::chrono::steady_clock;
    Json before = TRY(ask(options.vm, {{"op", "stats"}}));
    Json enclaves_before = TRY(ask(options.vm, {{"op", "ps"}})).at("enclaves");
    Clock::time_point begin = Clock::now();
    const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    while (interrupted.load() == 0) {
        for (int i = 0; i < 20 && interrupted.load() == 0; i++) std::this_thread::sleep_for(50ms);
        const Json now = TRY(ask(options.vm, {{"op", "stats"}}));
        Json enclaves = TRY(ask(options.vm, {{"op", "ps"}})).at("enclaves");
        const Clock::time_point end = Clock::now();
        add_percent(enclaves, enclaves_before, std::chrono::duration<double>(end - begin).count());
        TRY(print(fmt::format("{}{}, {:.0f} % busy\n\n{}", terminal ? "\033[H\033[J" : "", summary(now),
                              busy(before, now), table(enclaves))));
        if (!terminal) break;
        before = now;
        enclaves_before = std::move(enclaves);
        begin = end;
    }
    return 0;
}

Result<int> wait_command(const ResidentOptions& options) {
    const Json ended = TRY(ask(options.vm, about("wait", options)));
    if (options.json) {
        TRY(print(ended.dump(2) + "\n"));
    } else if (const auto ending = get_or<std::string>(ended, "ending", ""); !ending.empty()) {
        complain(fmt::format("{} {}", get_or<std::string>(ended, "name", "the enclave"), ending));
    }
    return get_or(ended, "exit_code", kExitFailure);
}

Result<int> logs_command(const ResidentOptions& options) {
    const VmPlace place = TRY(find_place(options.vm));
    const Fd log{::open(place.log(options.id).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!log) {
        return fail(fmt::format("enclave {} has no log", options.id),
                    "only detached ones have (run --detach)");
    }
    std::uint64_t offset = TRY(copy_log(log.get(), 0));
    if (!options.follow) return 0;
    catch_signals();
    const Fd socket = TRY(connect_to(place));
    if (!send_json(socket.get(), about("wait", options))) return fail("the daemon ended");
    for (bool over = false; !over && interrupted.load() == 0;) {
        pollfd polled{socket.get(), POLLIN, 0};
        over = ::poll(&polled, 1, 100) > 0;
        offset = TRY(copy_log(log.get(), offset));
    }
    return 0;
}

Result<int> exec_command(const ResidentOptions& options, const std::vector<std::string>& program) {
    if (program.empty()) return fail("no program is given", "enclavisor exec ID -- PROGRAM ARGUMENTS");
    catch_signals();
    const VmPlace place = TRY(find_place(options.vm));
    const Fd socket = TRY(connect_to(place));
    const Json request{{"op", "exec"}, {"id", options.id}, {"words", program}};
    if (!send_json(socket.get(), request, {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}))
        return fail("the daemon does not take the request");
    const SignalRelay relay{[&](int number) { return send_json(socket.get(), {{"signal", number}}); }};
    for (pollfd polled{socket.get(), POLLIN, 0}; ::poll(&polled, 1, 50) <= 0;) {
        if (const int signal = interrupted.load()) return 128 + signal;
    }
    return get_or(TRY(next_answer(socket.get())), "exit_code", kExitFailure);
}

Result<int> act_command(const std::string& action, const ResidentOptions& options) {
    Json request = about(action.c_str(), options);
    if (action == "kill") request["signal"] = TRY(parse_signal(options.signal));
    const Json answer = TRY(ask(options.vm, request));
    if (options.json) TRY(print(answer.dump(2) + "\n"));
    return 0;
}

}  // namespace enclavisor::host
