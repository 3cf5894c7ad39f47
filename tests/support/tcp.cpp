#include "tests/support/tcp.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>

namespace enclavisor::tests {
namespace {

sockaddr_in loopback(const std::string& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

host::Fd connected(const std::string& port) {
    host::Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const sockaddr_in address = loopback(port);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    return fd;
}

}  // namespace

std::string free_port() {
    // Below those that the kernel gives out; processes that began one after the other are far apart.
    constexpr int kFirst = 10000, kRanges = 220, kEach = 100, kApart = 97;
    static std::atomic<int> next = kFirst + ::getpid() * kApart % kRanges * kEach;
    for (;;) {
        const std::string port = std::to_string(next++);
        const host::Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const sockaddr_in address = loopback(port);
        if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return port;
    }
}

bool accepts(const std::string& port) {
    return static_cast<bool>(connected(port));
}

Connection::Connection(const std::string& port) : socket_{connected(port)} {
    const timeval patience{60, 0};
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool Connection::send(const std::string& text) {
    return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

bool Connection::receive() {
    char buffer[4096];
    const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count > 0) held_.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
}

std::string Connection::until(const std::string& end) {
    std::size_t at;
    while ((at = held_.find(end)) == std::string::npos) {
        if (!receive()) return "";
    }
    return bytes(at + end.size());
}

std::string Connection::bytes(std::size_t count) {
    while (held_.size() < count) {
        if (!receive()) return "";
    }
    const std::string result = held_.substr(0, count);
    held_.erase(0, count);
    return result;
}

std::string Connection::rest() {
    while (receive()) {
    }
    return std::move(held_);
}

}  // namespace enclavisor::tests
