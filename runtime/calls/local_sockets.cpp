#include "runtime/calls/local_sockets.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>
#include <vector>

#include "runtime/calls/call.hpp"
#include "runtime/calls/control_data.hpp"
#include "runtime/calls/transfer.hpp"

namespace enclavisor::runtime {
namespace {

// What a message to a named receiver gets: there are none.
std::int64_t check_named(const LocalSocket& socket) {
    if (socket.type() == SOCK_SEQPACKET) return 0;  // the name is ignored
    if (!socket.is_stream()) return -ECONNREFUSED;
    return socket.connected() ? -EISCONN : -EOPNOTSUPP;
}

// A size that the program gives, of the buffer for an answer: 0 or -errno.
std::int64_t get_room(Address from, std::uint32_t& room) {
    if (!get(from, room)) return -EFAULT;
    return static_cast<std::int32_t>(room) < 0 ? -EINVAL : 0;
}

}  // namespace

std::int64_t send_local(LocalSocket& socket, Address from, std::uint64_t size, int flags, Address address) {
    if (address != 0) TRY_ERRNO(check_named(socket));
    process().memory->bring(from, size);
    return socket.send({from, std::min(size, kMaxCount)}, flags, {});
}

std::int64_t receive_local(LocalSocket& socket, Address to, std::uint64_t size, int flags,
                           Address size_address) {
    LocalSocket::Received received;
    process().memory->bring(to, size);
    const std::int64_t count = TRY_ERRNO(socket.receive({to, std::min(size, kMaxCount)}, flags, received));
    if (size_address != 0) TRY_ERRNO(put(size_address, std::uint32_t{0}));
    return count;
}

std::int64_t send_local_message(LocalSocket& socket, Address from, int flags) {
    msghdr message;
    std::vector<iovec> parts;
    Attachments files;
    TRY_ERRNO(get_message(from, message, parts));
    if (message.msg_name != nullptr && message.msg_namelen != 0) TRY_ERRNO(check_named(socket));
    if (message.msg_control != nullptr) TRY_ERRNO(get_control(message, files));
    return socket.send(Buffers{parts}, flags, std::move(files));
}

std::int64_t receive_local_message(LocalSocket& socket, Address from, int flags) {
    msghdr message;
    std::vector<iovec> parts;
    LocalSocket::Received received;
    TRY_ERRNO(get_message(from, message, parts));
    const std::int64_t count = TRY_ERRNO(socket.receive(Buffers{parts}, flags, received));
    ControlWriter control{message};
    if (socket.pass_credentials) {
        const SenderCredentials own = own_credentials();
        TRY_ERRNO(control.add(SCM_CREDENTIALS, &own, sizeof(own), sizeof(own)));
    }
    if (!received.files.empty()) TRY_ERRNO(put_files(received.files, flags & MSG_CMSG_CLOEXEC, control));
    const int seen = control.flags() | (received.truncated ? MSG_TRUNC : 0) | (flags & MSG_CMSG_CLOEXEC);
    if (message.msg_name != nullptr) TRY_ERRNO(put(from + offsetof(msghdr, msg_namelen), std::uint32_t{0}));
    TRY_ERRNO(put(from + offsetof(msghdr, msg_controllen), control.used()));
    TRY_ERRNO(put(from + offsetof(msghdr, msg_flags), seen));
    return count;
}

std::int64_t local_name(Address address, Address size_address) {
    const sa_family_t family = AF_UNIX;
    std::uint32_t room;
    TRY_ERRNO(get_room(size_address, room));
    if (!copy_out(address, &family, std::min<std::size_t>(room, sizeof(family)))) return -EFAULT;
    return put(size_address, std::uint32_t{sizeof(family)});
}

std::int64_t set_local_option(LocalSocket& socket, int level, int option, Address from, std::uint32_t size) {
    constexpr std::uint32_t kSmallest = 4608, kLargest = 2 * 212992;  // SOCK_MIN_SNDBUF, wmem_max doubled
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    if (static_cast<std::int32_t>(size) < 0) return -EINVAL;
    if (option == SO_RCVTIMEO || option == SO_SNDTIMEO) {
        timeval time;
        if (size < sizeof(time)) return -EINVAL;
        if (!get(from, time)) return -EFAULT;
        if (time.tv_usec < 0 || time.tv_usec >= 1'000'000) return -EDOM;
        std::uint64_t nanoseconds = 1;  // a negative time is no time
        if (time.tv_sec >= 0) to_nanoseconds({time.tv_sec, time.tv_usec * 1000}, nanoseconds);
        (option == SO_RCVTIMEO ? socket.receive_timeout : socket.send_timeout) = nanoseconds;
        return 0;
    }
    int value;
    if (size < sizeof(value)) return -EINVAL;
    if (!get(from, value)) return -EFAULT;
    // Linux doubles what is asked for.
    const auto wanted =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(2 * std::int64_t{value}, kSmallest, kLargest));
    switch (option) {
        case SO_SNDBUF:
            socket.send_size = wanted;
            return 0;
        case SO_RCVBUF:
            socket.receive_size = wanted;
            return 0;
        case SO_PASSCRED:
            socket.pass_credentials = value != 0;
            return 0;
        case SO_KEEPALIVE:
        case SO_LINGER:
        case SO_REUSEADDR:
        case SO_PRIORITY:
            return 0;
        default:
            return -ENOPROTOOPT;
    }
}

std::int64_t get_local_option(LocalSocket& socket, int level, int option, Address to, Address size_address) {
    std::uint32_t room;
    TRY_ERRNO(get_room(size_address, room));
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    const auto answer = [&](const auto& value) -> std::int64_t {
        const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(room, sizeof(value)));
        return copy_out(to, &value, size) ? put(size_address, size) : -EFAULT;
    };
    const auto time = [](std::uint64_t nanoseconds) {
        const timespec t = to_timespec(nanoseconds);
        return timeval{t.tv_sec, t.tv_nsec / 1000};
    };
    switch (option) {
        case SO_TYPE:
            return answer(socket.type());
        case SO_ERROR:
            return answer(socket.take_error());
        case SO_DOMAIN:
            return answer(int{AF_UNIX});
        case SO_SNDBUF:
            return answer(socket.send_size);
        case SO_RCVBUF:
            return answer(socket.receive_size);
        case SO_RCVTIMEO:
            return answer(time(socket.receive_timeout));
        case SO_SNDTIMEO:
            return answer(time(socket.send_timeout));
        case SO_PEERCRED:
            return answer(own_credentials());
        case SO_PASSCRED:
            return answer(int{socket.pass_credentials});
        case SO_PROTOCOL:
        case SO_ACCEPTCONN:
        case SO_KEEPALIVE:
        case SO_REUSEADDR:
        case SO_PRIORITY:
        case SO_BROADCAST:
        case SO_OOBINLINE:
            return answer(0);
        case SO_LINGER:
            return answer(linger{0, 0});
        default:
            return -ENOPROTOOPT;
    }
}

}  // namespace enclavisor::runtime
