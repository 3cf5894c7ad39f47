#include "host/lib/ivshmem.hpp"

#include <endian.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>

#include "abi/host/link.hpp"
#include "host/lib/fd_message.hpp"

namespace enclavisor::host {
namespace {

constexpr std::int64_t kProtocolVersion = 0;
constexpr std::int64_t kMemoryMessage = -1;

// One message: a little-endian int64, with a descriptor unless fd < 0.
bool send_value(int socket, std::int64_t value, int fd = -1) {
    const std::uint64_t wire = htole64(static_cast<std::uint64_t>(value));
    const auto fds = std::span{&fd, fd >= 0 ? std::size_t{1} : 0};
    return send_message(socket, std::as_bytes(std::span{&wire, 1}), fds);
}

}  // namespace

Result<IvshmemEnds> prepare_ivshmem(int memory_fd) {
    auto [server, client] = TRY(socket_pair(SOCK_STREAM));
    IvshmemEnds ends{std::move(server), std::move(client), Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
                     Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}};
    if (!ends.host_doorbell || !ends.guest_doorbell) {
        return fail(std::string{"cannot create an eventfd: "} + std::strerror(errno));
    }
    const int socket = ends.server.get();
    const bool sent = send_value(socket, kProtocolVersion) && send_value(socket, abi::kGuestPeer) &&
                      send_value(socket, kMemoryMessage, memory_fd) &&
                      send_value(socket, abi::kHostPeer, ends.host_doorbell.get()) &&
                      send_value(socket, abi::kGuestPeer, ends.guest_doorbell.get());
    if (!sent) return fail(std::string{"cannot hand the link to QEMU: "} + std::strerror(errno));
    return ends;
}

}  // namespace enclavisor::host
