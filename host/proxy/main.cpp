// enclavisor-proxy: performs the forwarded system calls of one enclave. Started
// by libenclavisor, with the same user, standard streams and working directory
// as the command; killed with it.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "abi/host/link.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/io_server.hpp"
#include "host/lib/mapping.hpp"
#include "host/proxy/executor.hpp"

namespace {

using namespace enclavisor;
using namespace enclavisor::host;

// Away from the numbers that programs see and use.
constexpr int kHighFd = 1000;

struct Options {
    std::optional<std::uint64_t> link, doorbell, area, areas;
    std::optional<std::uint64_t> spin;  // polls at least so many microseconds before it sleeps
};

std::optional<std::uint64_t> number_after(std::string_view argument, std::string_view prefix) {
    if (!argument.starts_with(prefix)) return std::nullopt;
    argument.remove_prefix(prefix.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(argument.begin(), argument.end(), number);
    if (error != std::errc{} || end != argument.end()) return std::nullopt;
    return number;
}

Options parse(int count, char** arguments) {
    Options options;
    for (int i = 1; i < count; i++) {
        if (auto n = number_after(arguments[i], "--link=")) options.link = n;
        if (auto n = number_after(arguments[i], "--doorbell=")) options.doorbell = n;
        if (auto n = number_after(arguments[i], "--area=")) options.area = n;
        if (auto n = number_after(arguments[i], "--areas=")) options.areas = n;
        if (auto n = number_after(arguments[i], "--spin=")) options.spin = n;
    }
    return options;
}

// Moves `fd` as far up as the limit allows.
Fd move_up(int fd) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const int lowest = std::min<int>(kHighFd, std::max<int>(3, static_cast<int>(limit.rlim_cur) - 8));
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, lowest);
    if (moved < 0) return Fd{fd};
    ::close(fd);
    return Fd{moved};
}

// Signals of the terminal are the command's to handle, and what a signal says
// about a call (SIGPIPE, SIGXFSZ) its result says too.
void ignore_signals() {
    for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) {
        ::signal(signal, SIG_IGN);
    }
}

}  // namespace

int main(int count, char** arguments) {
    const Options options = parse(count, arguments);
    if (!options.link || !options.doorbell || !options.area || *options.area < abi::kIoPoolOffset) {
        std::fputs("enclavisor-proxy is started by enclavisor, not by hand (see 'enclavisor run --help')\n",
                   stderr);
        return 125;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // exec keeps it; an executable with privileges would not
    ignore_signals();
    Fd link{static_cast<int>(*options.link)};
    const std::uint64_t areas = std::clamp<std::uint64_t>(options.areas.value_or(1), 1, abi::kMaxIoAreas);
    auto window = Mapping::create(link.get(), *options.area, abi::io_window_pages(areas) * abi::kPageSize);
    if (!window) {
        std::fprintf(stderr, "enclavisor-proxy: %s\n", window.error().text().c_str());
        return 125;
    }
    // Other enclaves' windows are out of reach from here on.
    link.reset();
    const Fd doorbell = move_up(static_cast<int>(*options.doorbell));

    Executor executor{{doorbell.get()}};
    IoServer server{window->bytes(), doorbell.get(),
                    [&executor](const abi::SubmissionEntry& entry, std::span<std::byte> data) {
                        return executor.execute(entry, data);
                    }};
    if (options.spin) server.set_shortest_spin(std::chrono::microseconds{*options.spin});
    // A worker may be in a call that ends with the process only.
    if (server.run()) std::_Exit(0);
    std::fputs("enclavisor-proxy: the enclave broke the protocol of its rings\n", stderr);
    std::_Exit(125);
}
