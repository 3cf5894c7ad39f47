#include <arpa/inet.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <string_view>

#include "host/daemon/metrics.hpp"

namespace enclavisor::host {
namespace {

// Enough for a few scrapers; whoever dawdles is dropped.
constexpr unsigned kMostConnections = 16, kLongestSeconds = 5;
constexpr std::size_t kMemoryPerConnection = 16 << 10;
// The library listens again after its connections were too many when it is next run, and tells nobody.
constexpr std::uint64_t kLongestRest = 1000;

struct Place {
    std::string host, port;
    sockaddr_storage address{};
};

Result<Place> parse(const std::string& where) {
    const auto bad = [&] {
        return fail(fmt::format("'{}' is no address for metrics", where),
                    "use PORT, ADDRESS:PORT or [ADDRESS]:PORT, with numbers");
    };
    Place place;
    const std::size_t colon = where.rfind(':');
    place.host = colon == std::string::npos ? "127.0.0.1" : where.substr(0, colon);
    place.port = colon == std::string::npos ? where : where.substr(colon + 1);
    const bool brackets = place.host.starts_with('[') && place.host.ends_with(']');
    if (brackets) place.host = place.host.substr(1, place.host.size() - 2);
    if (!brackets && place.host.find(':') != std::string::npos) return bad();
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    std::uint16_t number = 0;
    const char* const port_end = place.port.data() + place.port.size();
    const auto [end, error] = std::from_chars(place.port.data(), port_end, number);
    if (error != std::errc{} || end != port_end ||
        ::getaddrinfo(place.host.c_str(), place.port.c_str(), &hints, &found) != 0)
        return bad();
    std::memcpy(&place.address, found->ai_addr, found->ai_addrlen);
    ::freeaddrinfo(found);
    return place;
}

MHD_Result respond(MHD_Connection* connection, unsigned status, const std::string& text, const char* type) {
    MHD_Response* response =
        MHD_create_response_from_buffer(text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    const MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

}  // namespace

int MetricsServer::answer(MHD_Connection* connection, const char* url, const char* method, const Text& text) {
    const std::string_view verb{method};
    if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD)
        return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n", "text/plain");
    if (std::string_view{url} != "/metrics")
        return respond(connection, MHD_HTTP_NOT_FOUND, "see /metrics\n", "text/plain");
    try {
        return respond(connection, MHD_HTTP_OK, text(), "text/plain; version=0.0.4; charset=utf-8");
    } catch (const std::exception&) {
        return respond(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory\n", "text/plain");
    }
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const std::string& where, Text text) {
    const Place place = TRY(parse(where));
    std::unique_ptr<MetricsServer> server{new MetricsServer{std::move(text)}};
    server->stop_ = Fd{::eventfd(0, EFD_CLOEXEC)};
    const auto on_request = [](void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char*, const char*, std::size_t*, void**) {
        return static_cast<MHD_Result>(
            answer(connection, url, method, static_cast<MetricsServer*>(self)->text_));
    };
    const bool six = place.address.ss_family == AF_INET6;
    server->server_ =
        MHD_start_daemon(MHD_USE_EPOLL | (six ? MHD_USE_IPv6 : 0), 0, nullptr, nullptr, +on_request,
                         server.get(), MHD_OPTION_SOCK_ADDR, &place.address, MHD_OPTION_CONNECTION_LIMIT,
                         kMostConnections, MHD_OPTION_CONNECTION_TIMEOUT, kLongestSeconds,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryPerConnection, MHD_OPTION_END);
    const MHD_DaemonInfo* info =
        server->server_ != nullptr ? MHD_get_daemon_info(server->server_, MHD_DAEMON_INFO_EPOLL_FD) : nullptr;
    if (info == nullptr || !server->stop_) {
        return fail(fmt::format("cannot listen at {}: {}", where, std::strerror(errno)),
                    "give --metrics another address");
    }
    const int events = info->epoll_fd;
    const MHD_DaemonInfo* bound = MHD_get_daemon_info(server->server_, MHD_DAEMON_INFO_BIND_PORT);
    const std::string port = bound != nullptr ? std::to_string(bound->port) : place.port;
    server->address_ =
        six ? fmt::format("[{}]:{}", place.host, port) : fmt::format("{}:{}", place.host, port);
    server->thread_ = std::thread{[self = server.get(), events] { self->serve(events); }};
    return server;
}

// On a thread of ours, since the library's own crashes when it reads a bad request after it was told to stop
// (0.9.75: the answer is not queued then, and used). So it is told only when nothing is read any more.
void MetricsServer::serve(int events) {
    pollfd waits[] = {{events, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    while (waits[1].revents == 0) {
        MHD_UNSIGNED_LONG_LONG rest = kLongestRest;
        (void)MHD_get_timeout(server_, &rest);  // leaves it alone when there is nothing to wait for
        ::poll(waits, 2, static_cast<int>(std::min<std::uint64_t>(rest, kLongestRest)));
        MHD_run(server_);
    }
}

MetricsServer::~MetricsServer() {
    if (thread_.joinable()) {
        ::eventfd_write(stop_.get(), 1);
        thread_.join();
    }
    if (server_ != nullptr) MHD_stop_daemon(server_);
}

}  // namespace enclavisor::host
