#include "host/daemon/wire.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <span>

#include "host/lib/fd_message.hpp"

namespace enclavisor::host {
namespace {

bool send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool receive_all(int socket, std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t got = ::recv(socket, text.data() + done, text.size() - done, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += static_cast<std::size_t>(got);
    }
    return true;
}

}  // namespace

bool send_json(int socket, const Json& body, const std::vector<int>& fds) {
    // Names of files and arguments are bytes, not always UTF-8.
    const std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    const std::uint32_t size = static_cast<std::uint32_t>(text.size());
    return text.size() <= kMaxMessage && send_message(socket, std::as_bytes(std::span{&size, 1}), fds) &&
           send_all(socket, text);
}

std::optional<Message> receive_json(int socket) {
    std::uint32_t size = 0;
    auto fds = receive_message(socket, std::as_writable_bytes(std::span{&size, 1}));
    if (!fds || size > kMaxMessage) return std::nullopt;
    std::string text(size, '\0');
    if (!receive_all(socket, text)) return std::nullopt;
    Message message{Json::parse(text, nullptr, false), std::move(*fds)};
    if (!message.body.is_object()) return std::nullopt;
    return message;
}

Json to_json(const Error& error) {
    return {{"error", error.cause}, {"cure", error.cure}, {"exit_code", error.exit_code}};
}

Error error_from(const Json& body) {
    return {get_or<std::string>(body, "error", "the daemon's answer is not one"),
            get_or<std::string>(body, "cure", ""), get_or(body, "exit_code", kExitFailure)};
}

}  // namespace enclavisor::host
