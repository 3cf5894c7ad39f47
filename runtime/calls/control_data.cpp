#include "runtime/calls/control_data.hpp"

#include <limits.h>

#include <cstring>
#include <vector>

#include "abi/host/socket_message.hpp"
#include "runtime/calls/call.hpp"
#include "runtime/calls/transfer.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kMaxControl = 64 << 10;
constexpr std::size_t kMostFiles = abi::kMostSentFiles;

std::int64_t get_files(std::span<const std::byte> numbers, Attachments& files) {
    const std::size_t count = numbers.size() / sizeof(int);
    if (files.size() + count > kMostFiles) return -EINVAL;
    for (std::size_t i = 0; i < count; i++) {
        int fd;
        std::memcpy(&fd, numbers.data() + i * sizeof(fd), sizeof(fd));
        if (fd < 0) return -EBADF;
        files.push_back(TRY_FILE(static_cast<Fd>(fd)));
    }
    return 0;
}

// Every header of the control data, with its data.
template <typename Each>
std::int64_t for_control(const msghdr& message, Each each) {
    if (message.msg_controllen > kMaxControl) return -ENOBUFS;
    std::vector<std::byte> control(message.msg_controllen);
    if (!copy_in(control.data(), reinterpret_cast<Address>(message.msg_control), control.size()))
        return -EFAULT;
    for (std::size_t at = 0; control.size() - at >= sizeof(cmsghdr);) {
        cmsghdr header;
        std::memcpy(&header, control.data() + at, sizeof(header));
        if (header.cmsg_len < sizeof(header) || header.cmsg_len > control.size() - at) return -EINVAL;
        TRY_ERRNO(each(header, std::span<const std::byte>{control.data() + at + sizeof(header),
                                                          header.cmsg_len - sizeof(header)}));
        const std::size_t step = CMSG_ALIGN(header.cmsg_len);
        if (step >= control.size() - at) break;
        at += step;
    }
    return 0;
}

}  // namespace

SenderCredentials own_credentials() {
    return {static_cast<std::int32_t>(process().pid), process().uid, process().gid};
}

std::int64_t get_message(Address from, msghdr& message, std::vector<iovec>& parts) {
    if (!get(from, message)) return -EFAULT;
    if (message.msg_iovlen > IOV_MAX) return -EMSGSIZE;
    process().memory->bring(message.msg_control, message.msg_controllen);
    return get_vector(reinterpret_cast<Address>(message.msg_iov), message.msg_iovlen, parts);
}

std::int64_t get_control(const msghdr& message, Attachments& files) {
    return for_control(message, [&](const cmsghdr& header, std::span<const std::byte> data) -> std::int64_t {
        if (header.cmsg_level != SOL_SOCKET) return 0;
        if (header.cmsg_type == SCM_RIGHTS) return get_files(data, files);
        if (header.cmsg_type != SCM_CREDENTIALS) return -EINVAL;
        const SenderCredentials own = own_credentials();
        SenderCredentials given;
        if (data.size() != sizeof(given)) return -EINVAL;
        std::memcpy(&given, data.data(), sizeof(given));
        return given.pid == own.pid && given.uid == own.uid && given.gid == own.gid ? 0 : -EPERM;
    });
}

bool has_other_control(const msghdr& message) {
    bool found = false;
    for_control(message, [&](const cmsghdr& header, std::span<const std::byte>) -> std::int64_t {
        found |= header.cmsg_level != SOL_SOCKET;
        return 0;
    });
    return found;
}

std::int64_t ControlWriter::add(int type, const void* data, std::size_t size, std::size_t smallest) {
    if (room_ - used_ < sizeof(cmsghdr) + smallest) {
        truncated_ = true;
        return 0;
    }
    const std::size_t fits =
        std::min<std::size_t>(size, room_ - used_ - sizeof(cmsghdr)) / smallest * smallest;
    truncated_ |= fits < size;
    const cmsghdr header{sizeof(header) + fits, SOL_SOCKET, type};
    TRY_ERRNO(put(begin_ + used_, header));
    if (!copy_out(begin_ + used_ + sizeof(header), data, fits)) return -EFAULT;
    used_ = std::min<std::size_t>(used_ + CMSG_ALIGN(header.cmsg_len), room_);
    return 0;
}

std::int64_t put_files(Attachments& files, bool close_on_exec, ControlWriter& control) {
    std::vector<int> numbers;
    const std::size_t room = control.room_for_files();
    for (Ref<OpenFile>& file : files) {
        const std::int64_t fd = numbers.size() < room ? process().files->add(file, close_on_exec) : -EMFILE;
        if (fd < 0) {
            control.truncate();
            break;
        }
        numbers.push_back(static_cast<int>(fd));
    }
    return numbers.empty()
               ? 0
               : control.add(SCM_RIGHTS, numbers.data(), numbers.size() * sizeof(int), sizeof(int));
}

}  // namespace enclavisor::runtime
