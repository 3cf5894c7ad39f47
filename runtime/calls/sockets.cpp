// Sockets: the host's, with addresses and messages as plain bytes, and the enclave's own
// pairs (calls/local_sockets.cpp).
#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <vector>

#include "runtime/calls/call.hpp"
#include "runtime/calls/control_data.hpp"
#include "runtime/calls/local_sockets.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"
#include "runtime/support/buffer.hpp"
#include "runtime/support/text.hpp"

namespace enclavisor::runtime {
namespace {

using C = abi::ForwardedCall;

constexpr std::uint32_t kMaxAddress = abi::kMaxSocketAddress;
constexpr std::uint32_t kMaxOption = 256;

// A socket of the host's, or return the error from the caller. `on_local`: what the call
// makes of `local`, one of the enclave's own.
#define TRY_SOCKET(fd, on_local)                                                                 \
    ({                                                                                           \
        Ref<OpenFile> try_socket_ = TRY_FILE(fd);                                                \
        if (LocalSocket* local = try_socket_->local_socket(); local != nullptr) return on_local; \
        if (try_socket_->host_fd() < 0) return -ENOTSOCK;                                        \
        std::move(try_socket_);                                                                  \
    })

std::int64_t add_socket(std::int64_t host_fd, int type) {
    return process().files->add(
        Ref<OpenFile>{new HostFile(static_cast<int>(host_fd), O_RDWR | (type & SOCK_NONBLOCK))},
        type & SOCK_CLOEXEC);
}

// What the host wrote of an address and its length, to where the program wants it.
std::int64_t put_address(const std::byte* bytes, std::uint32_t size, Address to, Address size_address,
                         std::uint32_t room) {
    if (to == 0) return 0;
    if (size > kMaxAddress || !socket_address_valid({bytes, size})) return -EIO;
    if (!copy_out(to, bytes, std::min(size, room))) return -EFAULT;
    return put(size_address, size);
}

std::int64_t get_room(Address address, Address size_address, std::uint32_t& room) {
    room = 0;
    if (address == 0) return 0;
    if (!get(size_address, room)) return -EFAULT;
    return static_cast<std::int32_t>(room) < 0 ? -EINVAL : 0;
}

std::int64_t sys_socket(int domain, int type, int protocol) {
    return add_socket(TRY_ERRNO(forward(C::kSocket, domain, type | SOCK_CLOEXEC, protocol)), type);
}

std::string_view path_in(const sockaddr_un& name) {
    const std::string_view all{name.sun_path, sizeof(name.sun_path)};
    return all.substr(0, all.find('\0'));
}

// An address that the program gave, as the host is to see it: the name of a UNIX socket
// begins at the process's own directory.
struct SocketAddress {
    std::byte bytes[kMaxAddress];
    std::uint32_t size;
    Ref<OpenFile> directory;
    bool names_file = false;
};
std::int64_t get_address(Address from, std::uint32_t size, SocketAddress& address) {
    constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);
    if (size > kMaxAddress) return -EINVAL;
    address.size = size;
    if (!copy_in(address.bytes, from, size)) return -EFAULT;
    sockaddr_un name{};
    if (size <= kPathOffset || size > sizeof(name)) return 0;
    std::memcpy(&name, address.bytes, size);
    if (name.sun_family != AF_UNIX || name.sun_path[0] == '\0') return 0;
    address.names_file = true;
    address.directory = process().directory->at_host;
    if (!address.directory || name.sun_path[0] == '/') return 0;
    const std::string whole = join("/proc/self/fd/", address.directory->host_fd(), "/", path_in(name));
    if (whole.size() > sizeof(name.sun_path)) return -ENAMETOOLONG;
    std::memcpy(address.bytes + kPathOffset, whole.data(), whole.size());
    address.size = static_cast<std::uint32_t>(kPathOffset + whole.size());
    return 0;
}

std::int64_t sys_connect(Fd fd, Address from, std::uint32_t size) {
    const Ref<OpenFile> socket = TRY_SOCKET(fd, local->is_stream() ? -EISCONN : -EINVAL);
    SocketAddress address;
    TRY_ERRNO(get_address(from, size, address));
    return forward(C::kConnect, socket->host_fd(), address.bytes, address.size);
}
std::int64_t sys_bind(Fd fd, Address from, std::uint32_t size) {
    const Ref<OpenFile> socket = TRY_SOCKET(fd, -EINVAL);
    SocketAddress address;
    TRY_ERRNO(get_address(from, size, address));
    TRY_ERRNO(forward(C::kBind, socket->host_fd(), address.bytes, address.size));
    const std::uint32_t umask = process().directory->umask;
    if (!address.names_file || (umask & ~system().host_umask) == 0) return 0;
    // Where there is no mode to be masked here.
    sockaddr_un name{};
    std::memcpy(&name, address.bytes, address.size);
    const std::string path{path_in(name)};
    forward(C::kFchmodat, AT_FDCWD, path.c_str(), 0777 & ~umask);
    return 0;
}
std::int64_t sys_listen(Fd fd, int backlog) {
    const Ref<OpenFile> socket = TRY_SOCKET(fd, local->type() == SOCK_DGRAM ? -EOPNOTSUPP : -EINVAL);
    return forward(C::kListen, socket->host_fd(), backlog);
}
std::int64_t sys_shutdown(Fd fd, int how) {
    return forward(C::kShutdown, TRY_SOCKET(fd, local->shut_down(how))->host_fd(), how);
}

std::int64_t sys_accept4(Fd fd, Address address, Address size_address, int flags) {
    std::byte bytes[kMaxAddress];
    std::uint32_t room, size = kMaxAddress;
    const Ref<OpenFile> socket = TRY_SOCKET(fd, local->type() == SOCK_DGRAM ? -EOPNOTSUPP : -EINVAL);
    TRY_ERRNO(get_room(address, size_address, room));
    const std::int64_t accepted =
        TRY_ERRNO(forward(C::kAccept, socket->host_fd(), bytes, &size, flags | SOCK_CLOEXEC));
    const std::int64_t result = TRY_ERRNO(add_socket(accepted, flags));
    const std::int64_t error = put_address(bytes, size, address, size_address, room);
    if (error < 0) process().files->close(static_cast<std::uint64_t>(result));
    return error < 0 ? error : result;
}
std::int64_t sys_accept(Fd fd, Address address, Address size_address) {
    return sys_accept4(fd, address, size_address, 0);
}

std::int64_t name_of(C call, Fd fd, Address address, Address size_address) {
    std::byte bytes[kMaxAddress];
    std::uint32_t room, size = kMaxAddress;
    const Ref<OpenFile> socket = TRY_SOCKET(fd, local_name(address, size_address));
    if (address == 0) return -EFAULT;
    TRY_ERRNO(get_room(address, size_address, room));
    TRY_ERRNO(forward(call, socket->host_fd(), bytes, &size));
    return put_address(bytes, size, address, size_address, room);
}
std::int64_t sys_getsockname(Fd fd, Address a, Address size) {
    return name_of(C::kGetsockname, fd, a, size);
}
std::int64_t sys_getpeername(Fd fd, Address a, Address size) {
    return name_of(C::kGetpeername, fd, a, size);
}

std::int64_t sys_setsockopt(Fd fd, int level, int option, Address value, std::uint32_t size) {
    const Ref<OpenFile> socket = TRY_SOCKET(fd, set_local_option(*local, level, option, value, size));
    return size > kMaxOption ? -EINVAL
                             : forward(C::kSetsockopt, socket->host_fd(), level, option, value, size);
}
std::int64_t sys_getsockopt(Fd fd, int level, int option, Address to, Address size_address) {
    std::byte bytes[kMaxOption];
    std::uint32_t room;
    const Ref<OpenFile> socket = TRY_SOCKET(fd, get_local_option(*local, level, option, to, size_address));
    if (!get(size_address, room)) return -EFAULT;
    if (static_cast<std::int32_t>(room) < 0) return -EINVAL;
    std::uint32_t size = std::min(room, kMaxOption);
    const std::uint32_t asked = size;
    TRY_ERRNO(forward(C::kGetsockopt, socket->host_fd(), level, option, bytes, &size));
    size = std::min(size, asked);
    if (level == SOL_SOCKET && option == SO_ERROR && !socket_error_valid({bytes, size})) return -EIO;
    return copy_out(to, bytes, size) ? put(size_address, size) : -EFAULT;
}

std::int64_t sent(std::int64_t result, int flags, bool signals = true) {
    return !signals || (flags & MSG_NOSIGNAL) ? result : written(result);
}

std::int64_t sys_sendto(Fd fd, Address from, std::uint64_t size, int flags, Address address,
                        std::uint32_t address_size) {
    const Ref<OpenFile> socket =
        TRY_SOCKET(fd, sent(send_local(*local, from, size, flags, address), flags, local->is_stream()));
    if (address == 0) address_size = 0;
    if (address_size > kMaxAddress) return -EINVAL;
    return sent(forward(C::kSendto, socket->host_fd(), from, std::min(size, most_transfer()), flags, address,
                        address_size),
                flags);
}

std::int64_t receive(int host, Address to, std::uint64_t size, int flags, Address address,
                     Address size_address) {
    std::byte bytes[kMaxAddress];
    std::uint32_t room, address_size = kMaxAddress;
    TRY_ERRNO(get_room(address, size_address, room));
    process().memory->bring(to, size);
    process().memory->bring(address, room);
    // MSG_TRUNC would let the host name a size beyond the buffer.
    const std::int64_t count = TRY_ERRNO(forward(C::kRecvfrom, host, to, std::min(size, most_transfer()),
                                                 flags & ~MSG_TRUNC, bytes, &address_size));
    // What comes over a connection is from nobody in particular.
    if (address != 0 && address_size == 0) {
        TRY_ERRNO(put(size_address, address_size));
    } else {
        TRY_ERRNO(put_address(bytes, address_size, address, size_address, room));
    }
    return count;
}

std::int64_t sys_recvfrom(Fd fd, Address to, std::uint64_t size, int flags, Address address,
                          Address size_address) {
    const Ref<OpenFile> socket =
        TRY_SOCKET(fd, receive_local(*local, to, size, flags, address != 0 ? size_address : 0));
    return receive(socket->host_fd(), to, size, flags, address, size_address);
}

// Messages for the host: flattened, as long as a transfer can be.
std::int64_t get_flat_message(Address from, msghdr& message, std::vector<iovec>& parts,
                              std::uint64_t& total) {
    TRY_ERRNO(get_message(from, message, parts));
    total = 0;
    for (iovec& part : parts) {
        part.iov_len = std::min(part.iov_len, most_transfer() - total);
        total += part.iov_len;
    }
    return 0;
}

// The host's descriptors of what is sent along: nothing else can leave the enclave.
std::int64_t attach(const Attachments& files, abi::SocketMessage& beside) {
    for (const Ref<OpenFile>& file : files) {
        if (file->host_fd() < 0) return -EOPNOTSUPP;
        beside.files[beside.count++] = file->host_fd();
    }
    return 0;
}

std::int64_t sys_sendmsg(Fd fd, Address from, int flags) {
    const Ref<OpenFile> socket =
        TRY_SOCKET(fd, sent(send_local_message(*local, from, flags), flags, local->is_stream()));
    msghdr message;
    std::vector<iovec> parts;
    std::uint64_t total;
    Attachments files;
    abi::SocketMessage beside{};
    TRY_ERRNO(get_flat_message(from, message, parts, total));
    if (message.msg_control != nullptr && message.msg_controllen != 0) {
        if (has_other_control(message)) return -EOPNOTSUPP;
        TRY_ERRNO(get_control(message, files));
        TRY_ERRNO(attach(files, beside));
    }
    Buffer flat{total};
    if (!Buffers{parts}.read(0, flat.data(), total)) return -EFAULT;
    if (message.msg_name != nullptr) {
        SocketAddress address;
        TRY_ERRNO(get_address(reinterpret_cast<Address>(message.msg_name), message.msg_namelen, address));
        beside.address_size = address.size;
        std::memcpy(beside.address, address.bytes, address.size);
    }
    return sent(forward(C::kSendMessage, socket->host_fd(), flat.data(), total, flags, &beside), flags);
}

// Takes what the host has open for the enclave from now on, if all that it says can be.
std::int64_t adopt(const abi::SocketMessage& beside, std::size_t asked, Attachments& files) {
    if (beside.count < 0 || static_cast<std::size_t>(beside.count) > asked) return -EIO;
    if (beside.address_size > kMaxAddress) return -EIO;
    const std::span address{beside.address, beside.address_size};
    if (!address.empty() && !socket_address_valid(std::as_bytes(address))) return -EIO;
    const std::span sent_along{beside.files, static_cast<std::size_t>(beside.count)};
    for (const int fd : sent_along) {
        if (fd < 0 || fd > abi::kMaxHostFd) return -EIO;
    }
    for (const int fd : sent_along) {
        const std::int64_t flags = forward(C::kGetFlags, fd);
        files.push_back(Ref<OpenFile>{new HostFile(fd, flags < 0 ? O_RDONLY : static_cast<int>(flags))});
    }
    return 0;
}

std::int64_t sys_recvmsg(Fd fd, Address from, int flags) {
    constexpr int kKnownFlags = MSG_EOR | MSG_TRUNC | MSG_CTRUNC | MSG_OOB;
    const Ref<OpenFile> socket = TRY_SOCKET(fd, receive_local_message(*local, from, flags));
    msghdr message;
    std::vector<iovec> parts;
    std::uint64_t total;
    Attachments files;
    TRY_ERRNO(get_flat_message(from, message, parts, total));
    if (message.msg_name != nullptr && static_cast<std::int32_t>(message.msg_namelen) < 0) return -EINVAL;
    Buffer flat{total};
    ControlWriter control{message};
    abi::SocketMessage beside{};
    const std::size_t asked = std::min<std::size_t>(control.room_for_files(), abi::kMostSentFiles);
    beside.count = static_cast<std::int32_t>(asked);
    // MSG_TRUNC would let the host name a size beyond the buffer.
    const std::int64_t count = TRY_ERRNO(
        forward(C::kReceiveMessage, socket->host_fd(), flat.data(), total, flags & ~MSG_TRUNC, &beside));
    TRY_ERRNO(adopt(beside, asked, files));
    if (!Buffers{parts}.write(0, flat.data(), static_cast<std::uint64_t>(count))) return -EFAULT;
    const Address name_size = from + offsetof(msghdr, msg_namelen);
    if (message.msg_name != nullptr && beside.address_size != 0) {
        TRY_ERRNO(put_address(reinterpret_cast<const std::byte*>(beside.address), beside.address_size,
                              reinterpret_cast<Address>(message.msg_name), name_size, message.msg_namelen));
    } else if (message.msg_name != nullptr) {
        TRY_ERRNO(put(name_size, std::uint32_t{0}));
    }
    if (!files.empty()) TRY_ERRNO(put_files(files, flags & MSG_CMSG_CLOEXEC, control));
    TRY_ERRNO(put(from + offsetof(msghdr, msg_controllen), control.used()));
    TRY_ERRNO(put(from + offsetof(msghdr, msg_flags),
                  (beside.flags & kKnownFlags) | control.flags() | (flags & MSG_CMSG_CLOEXEC)));
    return count;
}

// struct mmsghdr of <sys/socket.h>.
struct MessageOfMany {
    msghdr header;
    std::uint32_t size;
};
static_assert(sizeof(MessageOfMany) == 64);

// Message after message, until `next` fails: how many, or the first one's error.
template <typename Next>
std::int64_t for_messages(Address array, std::uint32_t count, Next next) {
    std::int64_t done = 0;
    for (; done < std::min<std::int64_t>(count, IOV_MAX); done++) {
        const Address at = array + static_cast<std::uint64_t>(done) * sizeof(MessageOfMany);
        process().memory->bring(at, sizeof(MessageOfMany));
        const std::int64_t size = next(at, done);
        if (size < 0) return done > 0 ? done : size;
        TRY_ERRNO(put(at + offsetof(MessageOfMany, size), static_cast<std::uint32_t>(size)));
    }
    return done;
}

std::int64_t sys_sendmmsg(Fd fd, Address array, std::uint32_t count, int flags) {
    TRY_FILE(fd);
    return for_messages(array, count, [&](Address at, std::int64_t) { return sys_sendmsg(fd, at, flags); });
}

// As on Linux the time is looked at after each message only.
std::int64_t sys_recvmmsg(Fd fd, Address array, std::uint32_t count, int flags, Address time) {
    timespec timeout;
    std::uint64_t nanoseconds = 0;
    TRY_FILE(fd);
    if (time != 0) {
        if (!get(time, timeout)) return -EFAULT;
        if (!to_nanoseconds(timeout, nanoseconds)) return -EINVAL;
    }
    const std::uint64_t start = system().clock.read(ClockKind::kMonotonic);
    const auto gone = [&] { return system().clock.read(ClockKind::kMonotonic) - start; };
    const std::int64_t result =
        for_messages(array, count, [&](Address at, std::int64_t done) -> std::int64_t {
            if (done > 0 && time != 0 && gone() >= nanoseconds) return -EAGAIN;
            const bool more = done > 0 && (flags & MSG_WAITFORONE);
            return sys_recvmsg(fd, at, (flags & ~MSG_WAITFORONE) | (more ? MSG_DONTWAIT : 0));
        });
    if (time != 0 && result >= 0) put(time, to_timespec(nanoseconds > gone() ? nanoseconds - gone() : 0));
    return result;
}

}  // namespace

ENCLAVISOR_CALL(sendmmsg)
ENCLAVISOR_CALL(recvmmsg)
ENCLAVISOR_CALL(socket)
ENCLAVISOR_CALL(connect)
ENCLAVISOR_CALL(bind)
ENCLAVISOR_CALL(listen)
ENCLAVISOR_CALL(shutdown)
ENCLAVISOR_CALL(accept4)
ENCLAVISOR_CALL(accept)
ENCLAVISOR_CALL(getsockname)
ENCLAVISOR_CALL(getpeername)
ENCLAVISOR_CALL(setsockopt)
ENCLAVISOR_CALL(getsockopt)
ENCLAVISOR_CALL(sendto)
ENCLAVISOR_CALL(recvfrom)
ENCLAVISOR_CALL(sendmsg)
ENCLAVISOR_CALL(recvmsg)

}  // namespace enclavisor::runtime
