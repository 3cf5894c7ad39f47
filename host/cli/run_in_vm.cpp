#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>

#include "host/cli/interrupt.hpp"
#include "host/cli/start.hpp"
#include "host/daemon/client.hpp"
#include "host/lib/paths.hpp"

namespace enclavisor::host {
namespace {

using Clock = std::chrono::steady_clock;

// Until there is something to read. Errors: the signal that ended it, the time is over.
Result<void> wait_for_answer(int socket, const RunOptions& options, Clock::time_point begin) {
    for (;;) {
        pollfd polled{socket, POLLIN, 0};
        if (::poll(&polled, 1, 50) > 0) return {};
        if (const int signal = interrupted.load()) return fail("interrupted", "", 128 + signal);
        const std::chrono::duration<double> passed = Clock::now() - begin;
        if (options.timeout > 0 && passed.count() > options.timeout) {
            return fail("the enclave did not end in time", "allow more with --timeout", kExitTimeout);
        }
    }
}

// The daemon has another working directory and perhaps another PATH.
Result<std::string> absolute_target(const std::string& program) {
    if (is_manifest(program) || is_package(program)) return std::filesystem::absolute(program).string();
    return std::filesystem::absolute(TRY(find_program(program))).string();
}

}  // namespace

Result<int> run_in_vm(const RunOptions& options) {
    const std::string target = TRY(absolute_target(options.program));
    const Application application = TRY(describe_application(target, options.limit, options.allow_exec));
    warn(options, application);
    for (const Application& member : application.members) warn(options, member);
    const VmPlace place = TRY(find_place(options.vm));
    const Fd socket = TRY(connect_to(place));
    const Json request{{"op", "run"},
                       {"target", target},
                       {"limit", options.limit},
                       {"arguments", options.arguments},
                       {"environment", TRY(environment_for(options))},
                       {"directory", std::filesystem::current_path().string()},
                       {"instances", options.instances},
                       {"verbose", options.verbose},
                       {"allow_exec", options.allow_exec},
                       {"detach", options.detach}};
    std::vector<int> standard;
    if (!options.detach) standard = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    if (!send_json(socket.get(), request, standard)) return fail("the daemon does not take the request");

    const auto begin = Clock::now();
    TRY(wait_for_answer(socket.get(), options, begin));
    const Json started = TRY(next_answer(socket.get()));
    if (!started.contains("id")) return fail("the daemon's answer is not one");
    if (options.print_measurement || options.verbose) {
        complain("measurement " + get_or<std::string>(started, "measurement", "unknown"));
    }
    if (options.detach) {
        TRY(print(fmt::format("{}\n", get_or<std::uint64_t>(started, "id", 0))));
        return 0;
    }
    const SignalRelay relay{[&](int number) {
        return ask(options.vm, {{"op", "kill"}, {"id", started.at("id")}, {"signal", number}}).ok();
    }};
    const auto answered = wait_for_answer(socket.get(), options, begin);
    if (!answered.ok() && interrupted.load() != 0) return 128 + interrupted.load();
    if (!answered.ok()) return base::Failure{answered.error()};
    const Json ended = TRY(next_answer(socket.get()));
    const auto ending = get_or<std::string>(ended, "ending", "");
    if (!ending.empty()) complain(fmt::format("{} {}", options.program, ending));
    return get_or(ended, "exit_code", kExitFailure);
}

}  // namespace enclavisor::host
