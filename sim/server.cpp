#include "sim/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace enclavisor::sim {
namespace {

constexpr std::size_t kMostPeers = 64;

host::Fd new_socket() {
    return host::Fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

bool is_served(const sockaddr_un& address) {
    const host::Fd probe = new_socket();
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

host::Result<Server> Server::listen(const std::filesystem::path& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string name = path.string();
    if (name.empty() || name.size() >= sizeof(address.sun_path))
        return host::fail(fmt::format("the socket's name has {} characters", name.size()),
                          fmt::format("use at most {}", sizeof(address.sun_path) - 1));
    std::memcpy(address.sun_path, name.data(), name.size());
    host::Fd fd = new_socket();
    const auto bind = [&] {
        return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    };
    bool bound = bind();
    if (!bound && errno == EADDRINUSE && std::filesystem::is_socket(path)) {
        if (is_served(address))
            return host::fail(fmt::format("{} is another model's socket", name),
                              "end that model, or use another name");
        ::unlink(name.c_str());
        bound = bind();
    }
    if (!bound || ::listen(fd.get(), 8) != 0)
        return host::fail(fmt::format("cannot listen at {}: {}", name, std::strerror(errno)),
                          "give --socket a name in a folder that you may write to");
    return Server{std::move(fd), path};
}

Server::~Server() {
    if (listener_) ::unlink(path_.c_str());
}

void Server::admit() {
    host::Fd fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd || peers_.size() >= kMostPeers) return;
    const int number = fd.get();
    peers_[number].fd = std::move(fd);
}

bool Server::send(Peer& peer) {
    while (peer.sent < peer.out.size()) {
        const ssize_t size =
            ::send(peer.fd.get(), peer.out.data() + peer.sent, peer.out.size() - peer.sent, MSG_NOSIGNAL);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        peer.sent += static_cast<std::size_t>(size);
    }
    peer.out.clear();
    peer.sent = 0;
    return true;
}

bool Server::receive(Peer& peer, Model& model, const std::function<void(Command)>& served) {
    RequestHeader header{};
    const auto wanted = [&] {
        if (peer.in.size() < sizeof(header)) return sizeof(header);
        std::memcpy(&header, peer.in.data(), sizeof(header));
        return sizeof(header) + header.size;
    };
    while (peer.out.empty()) {
        const std::size_t want = wanted();
        if (peer.in.size() >= sizeof(header) && header.size > kMostRequest) return false;
        if (peer.in.size() == want) {
            const Reply reply = model.handle(header.command, BytesView{peer.in}.subspan(sizeof(header)));
            served(header.command);
            const ReplyHeader head{reply.status, static_cast<std::uint32_t>(reply.payload.size())};
            peer.in.clear();
            peer.out = bytes_of(head);
            append(peer.out, reply.payload);
            if (!send(peer)) return false;
            continue;
        }
        // Memory only for what has come, whatever the header promises.
        std::uint8_t chunk[65536];
        const ssize_t size = ::recv(peer.fd.get(), chunk, std::min(sizeof(chunk), want - peer.in.size()), 0);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        if (size == 0) return false;
        append(peer.in, BytesView{chunk, static_cast<std::size_t>(size)});
    }
    return true;
}

void Server::serve(Model& model, const std::atomic<int>& stop, const std::function<void(Command)>& served) {
    sigset_t none;
    ::sigemptyset(&none);
    while (stop == 0) {
        std::vector<pollfd> waits{{listener_.get(), POLLIN, 0}};
        for (const auto& [number, peer] : peers_)
            waits.push_back({number, static_cast<short>(peer.out.empty() ? POLLIN : POLLOUT), 0});
        if (::ppoll(waits.data(), waits.size(), nullptr, &none) < 0) continue;
        for (const pollfd& wait : waits) {
            if (wait.revents == 0) continue;
            if (wait.fd == listener_.get()) {
                admit();
                continue;
            }
            Peer& peer = peers_.at(wait.fd);
            if (!send(peer) || !receive(peer, model, served)) peers_.erase(wait.fd);
        }
    }
}

}  // namespace enclavisor::sim
