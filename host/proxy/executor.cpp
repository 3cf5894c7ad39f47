#include "host/proxy/executor.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/checked.hpp"

namespace enclavisor::host {
namespace {

using abi::ArgumentKind;

// A descriptor that no process has: poll answers POLLNVAL.
constexpr int kNoSuchFd = 0x7fff'ffff;

bool goes_in(ArgumentKind kind) {
    return kind == ArgumentKind::kInputStruct || kind == ArgumentKind::kInOutStruct ||
           kind == ArgumentKind::kInOut;
}
bool comes_out(ArgumentKind kind) {
    return kind == ArgumentKind::kOutputStruct || kind == ArgumentKind::kInOutStruct ||
           kind == ArgumentKind::kInOut;
}

// A socket call's length word, which the kernel reads to learn how much it may
// write to the structure before it.
bool is_length_of_previous(const abi::CallSpec& spec, std::size_t index) {
    return index > 0 && spec.arguments[index].kind == ArgumentKind::kInOutStruct &&
           spec.arguments[index].size == sizeof(std::uint32_t) &&
           spec.arguments[index - 1].kind == ArgumentKind::kOutputStruct;
}

}  // namespace

std::int64_t linux_system_call(int number, const SystemCallArguments& a) {
    const long result = ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return result == -1 ? -errno : result;
}

// A private copy that the kernel works on in place of shared memory, so that
// what was validated cannot change before it is used.
struct Executor::Bounce {
    std::vector<std::byte> bytes;
    std::uint64_t offset;  // where it goes back to
    bool back;
};

bool Executor::is_own(std::uint64_t fd) const {
    return std::find(own_fds_.begin(), own_fds_.end(), static_cast<int>(fd)) != own_fds_.end();
}

void Executor::hide_own_fds(std::span<std::byte> poll_list) const {
    for (std::size_t at = 0; at + sizeof(pollfd) <= poll_list.size(); at += sizeof(pollfd)) {
        pollfd entry;
        std::memcpy(&entry, poll_list.data() + at, sizeof(entry));
        if (!is_own(static_cast<std::uint64_t>(entry.fd))) continue;
        entry.fd = kNoSuchFd;
        std::memcpy(poll_list.data() + at, &entry, sizeof(entry));
    }
}

std::int64_t Executor::prepare(const abi::CallSpec& spec, const abi::SubmissionEntry& entry,
                               std::size_t index, std::span<std::byte> data, std::vector<Bounce>& bounces,
                               SystemCallArguments& arguments) {
    const abi::Argument& argument = spec.arguments[index];
    const std::uint64_t given = entry.arguments[index];
    std::uint64_t& taken = arguments[index];
    switch (argument.kind) {
        case ArgumentKind::kNone:
            return 0;
        case ArgumentKind::kValue:
            taken = given;
            return 0;
        case ArgumentKind::kConstant:
            taken = argument.size;
            return 0;
        case ArgumentKind::kHashes:
            taken = static_cast<std::uint64_t>(static_cast<std::int64_t>(hashes_));
            return 0;
        case ArgumentKind::kFd:
            if (is_own(given)) return -EBADF;
            taken = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<int>(given)));
            return 0;
        default:
            break;
    }
    if (given == abi::kNoBuffer) {
        taken = 0;
        return 0;
    }
    std::uint64_t size = argument.size;
    if (argument.kind == ArgumentKind::kPath) {
        if (given >= data.size()) return -EFAULT;
        size = std::min<std::uint64_t>(abi::kMaxPath, data.size() - given);
    } else if (argument.kind == ArgumentKind::kInput || argument.kind == ArgumentKind::kOutput ||
               argument.kind == ArgumentKind::kInOut) {
        const auto bytes = base::checked_multiply(entry.arguments[argument.length], size);
        if (!bytes) return -EFAULT;
        size = *bytes;
    }
    if (!base::range_within(given, size, 0, data.size())) return -EFAULT;
    std::byte* shared = data.data() + given;
    if (argument.kind == ArgumentKind::kInput || argument.kind == ArgumentKind::kOutput) {
        // Bulk data: the kernel's own copy from or to user memory is the only one.
        taken = reinterpret_cast<std::uint64_t>(shared);
        return 0;
    }
    Bounce bounce{std::vector<std::byte>(size), given, comes_out(argument.kind)};
    if (argument.kind == ArgumentKind::kPath || goes_in(argument.kind)) {
        std::copy_n(shared, size, bounce.bytes.begin());
    }
    if (argument.kind == ArgumentKind::kPath) {
        const auto end = std::find(bounce.bytes.begin(), bounce.bytes.end(), std::byte{0});
        if (end == bounce.bytes.end()) return -ENAMETOOLONG;
    }
    if (is_length_of_previous(spec, index)) {
        std::uint32_t length;
        std::memcpy(&length, bounce.bytes.data(), sizeof(length));
        const std::uint32_t room = arguments[index - 1] == 0 ? 0 : spec.arguments[index - 1].size;
        length = std::min(length, room);
        std::memcpy(bounce.bytes.data(), &length, sizeof(length));
    }
    if (spec.call == abi::ForwardedCall::kPoll && argument.kind == ArgumentKind::kInOut)
        hide_own_fds(bounce.bytes);
    bounces.push_back(std::move(bounce));
    taken = reinterpret_cast<std::uint64_t>(bounces.back().bytes.data());
    return 0;
}

std::int64_t Executor::send_message(const SystemCallArguments& arguments) {
    abi::SocketMessage message;
    if (arguments[4] == 0) return -EFAULT;
    std::memcpy(&message, reinterpret_cast<const void*>(arguments[4]), sizeof(message));
    if (message.address_size > sizeof(message.address)) return -EINVAL;
    if (message.count < 0 || message.count > abi::kMostSentFiles) return -EINVAL;
    const std::span files{message.files, static_cast<std::size_t>(message.count)};
    for (const std::int32_t fd : files) {
        if (is_own(static_cast<std::uint64_t>(fd))) return -EBADF;
    }
    iovec part{reinterpret_cast<void*>(arguments[1]), arguments[2]};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(message.files))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_name = message.address_size != 0 ? message.address : nullptr;
    header.msg_namelen = message.address_size;
    if (!files.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(files.size_bytes());
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(files.size_bytes());
        std::memcpy(CMSG_DATA(rights), files.data(), files.size_bytes());
    }
    return call_(SYS_sendmsg,
                 {arguments[0], reinterpret_cast<std::uint64_t>(&header), arguments[3], 0, 0, 0});
}

std::int64_t Executor::receive_message(const SystemCallArguments& arguments) {
    // Beside the descriptors there may come what says who sends.
    constexpr std::size_t kOther = 256;
    abi::SocketMessage message;
    if (arguments[4] == 0) return -EFAULT;
    std::memcpy(&message, reinterpret_cast<const void*>(arguments[4]), sizeof(message));
    if (message.count < 0 || message.count > abi::kMostSentFiles) return -EINVAL;
    const auto wanted = static_cast<std::size_t>(message.count);
    iovec part{reinterpret_cast<void*>(arguments[1]), arguments[2]};
    alignas(cmsghdr) std::array<std::byte, kOther + CMSG_SPACE(sizeof(message.files))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_name = message.address;
    header.msg_namelen = sizeof(message.address);
    header.msg_control = control.data();
    header.msg_controllen = wanted != 0 ? kOther + CMSG_LEN(wanted * sizeof(int)) : kOther;
    const std::int64_t result = call_(SYS_recvmsg, {arguments[0], reinterpret_cast<std::uint64_t>(&header),
                                                    arguments[3] | MSG_CMSG_CLOEXEC, 0, 0, 0});
    if (result < 0) return result;
    message.address_size = std::min<std::uint32_t>(header.msg_namelen, sizeof(message.address));
    message.flags = header.msg_flags;
    message.count = 0;
    for (cmsghdr* part_of = CMSG_FIRSTHDR(&header); part_of != nullptr;
         part_of = CMSG_NXTHDR(&header, part_of)) {
        if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; i++) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(part_of) + i * sizeof(fd), sizeof(fd));
            if (static_cast<std::size_t>(message.count) < wanted) {
                message.files[message.count++] = fd;
            } else {
                call_(SYS_close, {static_cast<std::uint64_t>(fd), 0, 0, 0, 0, 0});
                message.flags |= MSG_CTRUNC;
            }
        }
    }
    std::memcpy(reinterpret_cast<void*>(arguments[4]), &message, sizeof(message));
    return result;
}

std::int64_t Executor::execute(const abi::SubmissionEntry& entry, std::span<std::byte> data) {
    if (entry.call >= abi::kForwardedCallCount) return -ENOSYS;
    const abi::CallSpec& spec = abi::kForwardedCalls[entry.call];
    SystemCallArguments arguments{};
    std::vector<Bounce> bounces;
    for (std::size_t i = 0; i < arguments.size(); i++) {
        const std::int64_t refused = prepare(spec, entry, i, data, bounces, arguments);
        if (refused != 0) return refused;
    }
    using C = abi::ForwardedCall;
    const std::int64_t result = spec.call == C::kSendMessage      ? send_message(arguments)
                                : spec.call == C::kReceiveMessage ? receive_message(arguments)
                                                                  : call_(spec.linux_number, arguments);
    if (result < 0) return result;
    for (const Bounce& bounce : bounces) {
        if (bounce.back) std::copy(bounce.bytes.begin(), bounce.bytes.end(), data.data() + bounce.offset);
    }
    return result;
}

}  // namespace enclavisor::host
