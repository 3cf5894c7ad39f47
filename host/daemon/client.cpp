#include "host/daemon/client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

namespace enclavisor::host {

Result<Fd> connect_to(const VmPlace& place) {
    Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const sockaddr_un address = place.address();
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return fail(fmt::format("the VM '{}' has no daemon", place.name),
                    fmt::format("start it with 'enclavisor vm start {}'", place.name));
    }
    return socket;
}

Result<Json> next_answer(int socket) {
    auto message = receive_json(socket);
    if (!message) return fail("the daemon ended", "see 'enclavisor vm ls'");
    if (message->body.contains("error")) return base::Failure{error_from(message->body)};
    return std::move(message->body);
}

Result<Json> ask(const std::string& vm, const Json& request) {
    const VmPlace place = TRY(find_place(vm));
    const Fd socket = TRY(connect_to(place));
    if (!send_json(socket.get(), request)) return fail("the daemon ended", "see 'enclavisor vm ls'");
    return next_answer(socket.get());
}

}  // namespace enclavisor::host
