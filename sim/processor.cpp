#include "sim/processor.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <utility>

#include "host/lib/fd.hpp"

namespace enclavisor::sim {
namespace {

// More than any machine's memory: a table entry is made only for what is assigned.
constexpr std::uint64_t kMemory = 1ull << 52;

void send_all(int socket, BytesView bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) throw std::runtime_error("the model of the secure processor is gone");
        bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
}

void receive_all(int socket, std::span<std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::recv(socket, bytes.data(), bytes.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) throw std::runtime_error("the model of the secure processor is gone");
        bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
}

Reply ask_by(int socket, Command command, BytesView request) {
    send_all(socket, view_of(RequestHeader{command, static_cast<std::uint32_t>(request.size())}));
    send_all(socket, request);
    ReplyHeader header{};
    receive_all(socket, {reinterpret_cast<std::uint8_t*>(&header), sizeof(header)});
    if (header.size > kMostRequest) throw std::runtime_error("the model of the secure processor is none");
    Reply reply{header.status, Bytes(header.size)};
    receive_all(socket, reply.payload);
    return reply;
}

}  // namespace

Processor Processor::in_process() {
    return of({Chip::make(Product::kMilan), Authority{Product::kMilan}, SevPlatform{}, kMemory});
}

Processor Processor::of(Model its_model) {
    const auto model = std::make_shared<Model>(std::move(its_model));
    return Processor{[model](Command command, BytesView request) { return model->handle(command, request); }};
}

host::Result<Processor> Processor::connect(const std::filesystem::path& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string name = path.string();
    const auto socket = std::make_shared<host::Fd>(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (name.size() < sizeof(address.sun_path)) name.copy(address.sun_path, name.size());
    if (name.size() >= sizeof(address.sun_path) ||
        ::connect(socket->get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return host::fail(fmt::format("nobody serves {}", name), "start enclavisor-sim-psp --socket there");
    return Processor{
        [socket](Command command, BytesView request) { return ask_by(socket->get(), command, request); }};
}

}  // namespace enclavisor::sim
