// enclavisor-proxy: performs the forwarded system calls of one enclave. Started
// by libenclavisor, with the same user, standard streams and working directory
// as the command; killed with it.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <thread>

#include "abi/host/link.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/fd_message.hpp"
#include "host/lib/io_server.hpp"
#include "host/lib/mapping.hpp"
#include "host/lib/proxy_control.hpp"
#include "host/proxy/executor.hpp"

namespace {

using namespace enclavisor;
using namespace enclavisor::host;

// Away from the numbers that programs see and use.
constexpr int kHighFd = 1000;

struct Options {
    std::optional<std::uint64_t> link, doorbell, area, areas;
    std::optional<std::uint64_t> spin;     // polls at least so many microseconds before it sleeps
    std::optional<std::uint64_t> hashes;   // file: the list of trusted files' hashes
    std::optional<std::uint64_t> control;  // socket (host/lib/proxy_control.hpp)
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
        if (auto n = number_after(arguments[i], "--hashes=")) options.hashes = n;
        if (auto n = number_after(arguments[i], "--control=")) options.control = n;
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

// Signals to the process group are the command's to handle, and what a signal says
// about a call (SIGPIPE, SIGXFSZ) its result says too.
void ignore_signals() {
    for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) {
        ::signal(signal, SIG_IGN);
    }
}

// The proxy of one enclave: this process, or a child that forked along with it.
class Proxy {
public:
    Proxy(const Options& options, Fd doorbell, Fd control, Fd hashes)
        : options_{options},
          doorbell_{std::move(doorbell)},
          control_{std::move(control)},
          hashes_{std::move(hashes)} {}

    [[noreturn]] void run(std::uint64_t area, Fd link);

private:
    void serve_requests();
    ProxyReply fork_along(const ProxyRequest& request, std::vector<Fd> fds);
    [[noreturn]] void become_child(const ProxyRequest& request, std::vector<Fd> fds);

    const Options& options_;
    Fd doorbell_, control_, hashes_;
};

void Proxy::run(std::uint64_t area, Fd link) {
    const std::uint64_t areas = std::clamp<std::uint64_t>(options_.areas.value_or(1), 1, abi::kMaxIoAreas);
    auto window = Mapping::create(link.get(), area, abi::io_window_pages(areas) * abi::kPageSize);
    if (!window) {
        std::fprintf(stderr, "enclavisor-proxy: %s\n", window.error().text().c_str());
        std::_Exit(125);
    }
    // Other enclaves' windows are out of reach from here on.
    link.reset();
    std::thread requests;
    if (control_) requests = std::thread{[this] { serve_requests(); }};

    std::vector<int> own{doorbell_.get(), control_.get()};
    if (hashes_) own.push_back(hashes_.get());
    Executor executor{own};
    executor.serve_hashes(hashes_.get());
    IoServer server{window->bytes(), doorbell_.get(),
                    [&executor](const abi::SubmissionEntry& entry, std::span<std::byte> data) {
                        return executor.execute(entry, data);
                    }};
    if (options_.spin) server.set_shortest_spin(std::chrono::microseconds{*options_.spin});
    // A worker may be in a call that ends with the process only.
    if (server.run()) std::_Exit(0);
    std::fputs("enclavisor-proxy: the enclave broke the protocol of its rings\n", stderr);
    std::_Exit(125);
}

// They belong to the enclave from here on.
ProxyReply take(std::vector<Fd> fds) {
    if (fds.size() != kExecutionFds) return {-EINVAL, {}};
    ProxyReply reply;
    for (std::size_t i = 0; i < kExecutionFds; i++) reply.fds[i] = fds[i].release();
    return reply;
}

void Proxy::serve_requests() {
    for (;;) {
        ProxyRequest request;
        auto fds = receive_message(control_.get(), std::as_writable_bytes(std::span{&request, 1}));
        if (!fds) return;  // libenclavisor is gone, and we shall be soon
        ProxyReply reply;
        switch (request.operation) {
            case ProxyOperation::kFork:
                reply = fork_along(request, std::move(*fds));
                break;
            case ProxyOperation::kTake:
                reply = take(std::move(*fds));
                break;
            case ProxyOperation::kClose:
                for (const std::int32_t fd : request.fds) ::close(fd);
                break;
        }
        (void)send_message(control_.get(), std::as_bytes(std::span{&reply, 1}));
    }
}

ProxyReply Proxy::fork_along(const ProxyRequest& request, std::vector<Fd> fds) {
    if (fds.size() != 2 + static_cast<std::size_t>(__builtin_popcount(request.standard & 7)))
        return {-EINVAL, {}};
    const pid_t pid = ::fork();
    if (pid == 0) become_child(request, std::move(fds));
    return {pid < 0 ? -errno : pid, {}};
}

// Only the calling thread is there, of all that the parent had.
void Proxy::become_child(const ProxyRequest& request, std::vector<Fd> fds) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::size_t next = 2;
    for (int number = 0; number < 3; number++) {
        if ((request.standard >> number & 1) != 0 && ::dup2(fds[next++].get(), number) < 0) std::_Exit(125);
    }
    Fd link = std::move(fds[0]);
    control_ = move_up(fds[1].release());
    fds.clear();
    run(request.area, std::move(link));
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
    ::signal(SIGCHLD, SIG_IGN);  // proxies of instances are waited for by libenclavisor
    const auto moved = [](const std::optional<std::uint64_t>& fd) {
        return fd ? move_up(static_cast<int>(*fd)) : Fd{};
    };
    Proxy proxy{options, moved(options.doorbell), moved(options.control), moved(options.hashes)};
    proxy.run(*options.area, Fd{static_cast<int>(*options.link)});
}
