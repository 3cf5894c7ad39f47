#include "host/lib/ivshmem.hpp"

#include <endian.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "abi/host/link.hpp"

namespace enclavisor::host {
namespace {

constexpr std::int64_t kProtocolVersion = 0;
constexpr std::int64_t kMemoryMessage = -1;

// One message: a little-endian int64, with a descriptor unless fd < 0.
bool send_message(int socket, std::int64_t value, int fd = -1) {
    auto wire = static_cast<std::int64_t>(htole64(static_cast<std::uint64_t>(value)));
    iovec part{&wire, sizeof(wire)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof(wire));
}

}  // namespace

Result<IvshmemEnds> prepare_ivshmem(int memory_fd) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return fail(std::string{"cannot create a socket pair: "} + std::strerror(errno));
    }
    IvshmemEnds ends{Fd{pair[0]}, Fd{pair[1]}, Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
                     Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}};
    if (!ends.host_doorbell || !ends.guest_doorbell) {
        return fail(std::string{"cannot create an eventfd: "} + std::strerror(errno));
    }
    const int socket = ends.server.get();
    const bool sent = send_message(socket, kProtocolVersion) && send_message(socket, abi::kGuestPeer) &&
                      send_message(socket, kMemoryMessage, memory_fd) &&
                      send_message(socket, abi::kHostPeer, ends.host_doorbell.get()) &&
                      send_message(socket, abi::kGuestPeer, ends.guest_doorbell.get());
    if (!sent) return fail(std::string{"cannot hand the link to QEMU: "} + std::strerror(errno));
    return ends;
}

}  // namespace enclavisor::host
