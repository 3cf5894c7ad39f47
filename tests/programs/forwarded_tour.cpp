// Makes one forwarded call many times in two processes at once, while the host lies about
// it, and looks whether what arrives keeps Linux's contract: a result in range, no byte
// changed outside the buffers, structures that can be. Usage: forwarded_tour CALL ROUNDS
//
// Exit status: 0 the contract held, 70.. it did not (see Breach).
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "abi/host/forwarded_calls.hpp"

namespace {

using namespace enclavisor::abi;

enum Breach {
    kNone = 0,
    kUnknownCall = 64,
    kBadResult = 70,
    kBadErrno = 71,
    kOutside = 72,
    kTooLarge = 73,
    kBadContents = 74,
    kNoChild = 75
};

constexpr std::size_t kSlot = 4096, kGuard = 512, kLength = 64;
constexpr unsigned char kUntouched = 0xa5;
alignas(4096) unsigned char slots[6][kSlot];

long call(int number, const unsigned long (&a)[6]) {
    long result;
    register unsigned long r10 asm("r10") = a[3], r8 asm("r8") = a[4], r9 asm("r9") = a[5];
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

struct Descriptors {
    int file, directory, socket, epoll, inotify;
};

// The plain arguments, by what the call is; lengths are filled in by the caller.
unsigned long value_of(ForwardedCall which, std::size_t index) {
    using C = ForwardedCall;
    switch (which) {
        case C::kOpenat:
            return index == 2 ? O_RDONLY : 0;
        case C::kMkdirat:
            return 0755;
        case C::kMknodat:
            return index == 2 ? S_IFIFO | 0600 : 0;
        case C::kFchmod:
        case C::kFchmodat:
            return 0644;
        case C::kFchown:
        case C::kFchownat:
            return index < 4 ? ~0ul : 0;
        case C::kFallocate:
            return index == 3 ? 100 : 0;
        case C::kSocket:
            return index == 0 ? AF_UNIX : index == 1 ? SOCK_STREAM : 0;
        case C::kSetsockopt:
            return index == 1 ? SOL_SOCKET : index == 2 ? SO_SNDBUF : 4;
        case C::kGetsockopt:
            return index == 1 ? SOL_SOCKET : index == 2 ? SO_ERROR : 4;
        case C::kStatx:
            return index == 3 ? 0x7ff : 0;
        case C::kFlock:
            return 2;
        default:
            return 0;
    }
}

int descriptor_for(ForwardedCall which, const CallSpec& spec, const Descriptors& fds) {
    for (const auto& argument : spec.arguments) {
        if (argument.kind == ArgumentKind::kPath) return AT_FDCWD;
    }
    if (which >= ForwardedCall::kSocket && which <= ForwardedCall::kGetsockopt) return fds.socket;
    if (which == ForwardedCall::kGetdents) return fds.directory;
    return fds.file;
}

bool is_length(const CallSpec& spec, std::size_t index) {
    for (const auto& argument : spec.arguments) {
        const auto kind = argument.kind;
        if ((kind == ArgumentKind::kInput || kind == ArgumentKind::kOutput || kind == ArgumentKind::kInOut) &&
            argument.length == index) {
            return true;
        }
    }
    return false;
}

std::size_t size_of(const Argument& argument) {
    switch (argument.kind) {
        case ArgumentKind::kInput:
        case ArgumentKind::kOutput:
            return kLength * argument.size;
        case ArgumentKind::kInOut:
            return 2 * argument.size;  // poll: two entries
        case ArgumentKind::kInputStruct:
        case ArgumentKind::kOutputStruct:
        case ArgumentKind::kInOutStruct:
            return argument.size;
        case ArgumentKind::kPath:
            return 256;
        default:
            return 0;
    }
}

Breach check_result(const CallSpec& spec, long result) {
    if (result < 0) return result >= -kMaxErrno ? kNone : kBadErrno;
    switch (spec.result) {
        case ResultKind::kZero:
            return result == 0 ? kNone : kBadResult;
        case ResultKind::kFd:
            return result <= kMaxHostFd ? kNone : kTooLarge;
        case ResultKind::kCount:
            return result <= static_cast<long>(kLength) ? kNone : kTooLarge;
        case ResultKind::kAtMost:
            return static_cast<unsigned long>(result) <= spec.limit ? kNone : kTooLarge;
        case ResultKind::kAtMostArgument:
            return result <= static_cast<long>(kLength) ? kNone : kTooLarge;
        case ResultKind::kPosition:
            return kNone;
    }
    return kNone;
}

template <typename Struct>
Struct slot_as(std::size_t index) {
    Struct result;
    std::memcpy(&result, slots[index] + kGuard, sizeof result);
    return result;
}

bool entries_possible(long size) {
    for (long at = 0; at < size;) {
        unsigned short length;
        std::memcpy(&length, slots[1] + kGuard + at + 16, sizeof length);
        const auto* name = reinterpret_cast<const char*>(slots[1] + kGuard + at + 19);
        if (length < 21 || length > size - at || ::strnlen(name, length - 19u) == length - 19u) return false;
        at += length;
    }
    return true;
}

bool address_possible(std::size_t index) {
    const auto size = slot_as<unsigned>(index + 1);
    const auto family = slot_as<unsigned short>(index);
    return size >= 2 && size <= 128 && (family != AF_INET || size == 16) &&
           (family != AF_INET6 || size == 28);
}

// What programs rely on without asking twice.
bool contents_possible(ForwardedCall which, long result) {
    using C = ForwardedCall;
    constexpr long kNanoseconds = 1'000'000'000;
    switch (which) {
        case C::kFstat:
        case C::kFstatat: {
            const auto info = slot_as<struct stat>(which == C::kFstat ? 1 : 2);
            return info.st_size >= 0 && info.st_blksize > 0 && info.st_mtim.tv_nsec >= 0 &&
                   info.st_mtim.tv_nsec < kNanoseconds;
        }
        case C::kStatx: {
            const auto info = slot_as<struct statx>(4);
            return info.stx_blksize > 0 && info.stx_mtime.tv_nsec < kNanoseconds &&
                   info.stx_btime.tv_nsec < kNanoseconds;
        }
        case C::kStatfs:
        case C::kFstatfs: {
            const auto info = slot_as<struct statfs>(1);
            return info.f_bsize > 0 && info.f_namelen >= 0;
        }
        case C::kGetLock: {
            const auto lock = slot_as<struct flock>(2);
            return lock.l_type == F_UNLCK || ((lock.l_type == F_RDLCK || lock.l_type == F_WRLCK) &&
                                              lock.l_start >= 0 && lock.l_len >= 0);
        }
        case C::kGetdents:
            return entries_possible(result);
        case C::kReadlinkat:
            return result > 0 &&
                   std::memchr(slots[2] + kGuard, 0, static_cast<std::size_t>(result)) == nullptr;
        case C::kAccept:
        case C::kGetsockname:
        case C::kGetpeername:
            return address_possible(1);
        case C::kRecvfrom:
            return slot_as<unsigned>(5) == 0 || address_possible(4);
        case C::kGetsockopt:
            return slot_as<unsigned>(4) < 4 || slot_as<unsigned>(3) <= kMaxErrno;
        case C::kBytesReadable:
            return slot_as<int>(2) >= 0;
        default:
            return true;
    }
}

// A file whose hashes the host is asked for: what it reads as is what was measured, or an error.
Breach read_trusted() {
    const int fd = open("/trusted", O_RDONLY);
    if (fd < 0) return errno <= kMaxErrno ? kNone : kBadErrno;
    char bytes[8];
    const ssize_t count = read(fd, bytes, sizeof bytes);
    close(fd);
    if (count < 0) return errno <= kMaxErrno ? kNone : kBadErrno;
    return count == 7 && std::memcmp(bytes, "trusted", 7) == 0 ? kNone : kBadContents;
}

// A message with two descriptors and an address, there or back. What is received stays open: its numbers may
// be made up.
Breach message(ForwardedCall which, const Descriptors& fds) {
    std::memset(slots, kUntouched, sizeof slots);
    iovec part{slots[0] + kGuard, kLength};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_name = slots[1] + kGuard;
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_control = slots[2] + kGuard;
    header.msg_controllen = CMSG_SPACE(2 * sizeof(int));
    if (which == ForwardedCall::kSendMessage) {
        sockaddr_un to{AF_UNIX, "socket"};
        std::memcpy(slots[1] + kGuard, &to, sizeof to);
        header.msg_namelen = sizeof to;
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
        std::memcpy(CMSG_DATA(rights), &fds.file, sizeof fds.file);
        std::memcpy(CMSG_DATA(rights) + sizeof(int), &fds.directory, sizeof fds.directory);
        const ssize_t sent = sendmsg(fds.socket, &header, MSG_NOSIGNAL);
        return sent > static_cast<ssize_t>(kLength) ? kTooLarge
               : sent < 0 && errno > kMaxErrno      ? kBadErrno
                                                    : kNone;
    }
    const ssize_t got = recvmsg(fds.socket, &header, MSG_DONTWAIT);
    const std::size_t sizes[3] = {kLength, sizeof(sockaddr_storage), CMSG_SPACE(2 * sizeof(int))};
    for (std::size_t i = 0; i < 3; i++) {
        for (std::size_t at = 0; at < kSlot; at++) {
            if ((at < kGuard || at >= kGuard + sizes[i]) && slots[i][at] != kUntouched) return kOutside;
        }
    }
    if (got < 0) return errno <= kMaxErrno ? kNone : kBadErrno;
    if (got > static_cast<ssize_t>(kLength) || header.msg_controllen > sizes[2]) return kTooLarge;
    if (header.msg_namelen != 0) {
        const auto family = slot_as<unsigned short>(1);
        const socklen_t size = header.msg_namelen;
        if (size < 2 || size > 128 || (family == AF_INET && size != 16) || (family == AF_INET6 && size != 28))
            return kBadContents;
    }
    for (cmsghdr* h = CMSG_FIRSTHDR(&header); h != nullptr; h = CMSG_NXTHDR(&header, h)) {
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len; at += sizeof(int)) {
            int fd;
            std::memcpy(&fd, reinterpret_cast<unsigned char*>(h) + at, sizeof fd);
            if (fcntl(fd, F_GETFD) < 0) return kBadContents;
        }
    }
    return kNone;
}

Breach attempt(ForwardedCall which, const CallSpec& spec, const Descriptors& fds) {
    if (which == ForwardedCall::kReadHashes) return read_trusted();
    if (which == ForwardedCall::kSendMessage || which == ForwardedCall::kReceiveMessage)
        return message(which, fds);
    unsigned long arguments[6]{};
    std::memset(slots, kUntouched, sizeof slots);
    for (std::size_t i = 0; i < 6; i++) {
        const Argument& argument = spec.arguments[i];
        unsigned char* buffer = slots[i] + kGuard;
        switch (argument.kind) {
            case ArgumentKind::kNone:
                break;
            case ArgumentKind::kConstant:
                arguments[i] = argument.size;
                break;
            case ArgumentKind::kFd:
                arguments[i] =
                    static_cast<unsigned long>(static_cast<long>(descriptor_for(which, spec, fds)));
                break;
            case ArgumentKind::kValue:
                arguments[i] = is_length(spec, i) ? kLength : value_of(which, i);
                break;
            case ArgumentKind::kPath:
                std::strcpy(reinterpret_cast<char*>(buffer), "some-path");
                arguments[i] = reinterpret_cast<unsigned long>(buffer);
                break;
            default:
                std::memset(buffer, 0, size_of(argument));
                arguments[i] = reinterpret_cast<unsigned long>(buffer);
        }
    }
    if (which == ForwardedCall::kPoll) {
        const pollfd entries[2] = {{fds.file, POLLIN, 0}, {fds.socket, POLLIN, 0}};
        std::memcpy(slots[0] + kGuard, entries, sizeof entries);
        arguments[1] = 2;
    }
    if (which == ForwardedCall::kEpollCtl || which == ForwardedCall::kEpollWait)
        arguments[0] = static_cast<unsigned long>(fds.epoll);
    // The host is asked for another descriptor when a file is watched under two.
    if (which == ForwardedCall::kDuplicate) {
        epoll_event event{};
        const int result = epoll_ctl(fds.epoll, EPOLL_CTL_ADD, dup(fds.socket), &event);
        return result == 0 || errno <= kMaxErrno ? kNone : kBadErrno;
    }
    if (which == ForwardedCall::kInotifyAddWatch || which == ForwardedCall::kInotifyRemoveWatch)
        arguments[0] = static_cast<unsigned long>(fds.inotify);
    if (which == ForwardedCall::kEpollCtl) {
        arguments[1] = EPOLL_CTL_MOD;
        arguments[2] = static_cast<unsigned long>(fds.socket);
    }
    // The host hears of an epoll with the first file of its own in it. It stays open: the
    // number may be made up, and would be closed in the host.
    if (which == ForwardedCall::kEpollCreate) {
        epoll_event event{};
        const int result = epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, fds.socket, &event);
        return result == 0 || errno <= kMaxErrno ? kNone : kBadErrno;
    }
    // Lengths of socket addresses go both ways and begin right.
    for (std::size_t i = 1; i < 6; i++) {
        if (spec.arguments[i].kind == ArgumentKind::kInOutStruct && spec.arguments[i].size == 4 &&
            spec.arguments[i - 1].kind == ArgumentKind::kOutputStruct) {
            const unsigned size = spec.arguments[i - 1].size;
            std::memcpy(slots[i] + kGuard, &size, sizeof size);
        }
    }
    const long result = call(spec.linux_number, arguments);
    for (std::size_t i = 0; i < 6; i++) {
        const std::size_t size = size_of(spec.arguments[i]);
        for (std::size_t at = 0; at < kSlot; at++) {
            const bool inside = at >= kGuard && at < kGuard + size;
            if (!inside && slots[i][at] != kUntouched) return kOutside;
        }
    }
    if (which == ForwardedCall::kPoll && result > 2) return kTooLarge;
    if (result >= 0 && !contents_possible(which, result)) return kBadContents;
    return check_result(spec, result);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return kUnknownCall;
    for (const CallSpec& spec : kForwardedCalls) {
        if (spec.name != argv[1]) continue;
        Descriptors fds{};
        fds.file = open("file", O_RDWR | O_CREAT, 0600);
        fds.directory = open(".", O_RDONLY | O_DIRECTORY);
        fds.socket = socket(AF_UNIX, SOCK_STREAM, 0);
        fds.epoll = epoll_create1(0);
        fds.inotify = inotify_init1(0);
        epoll_event event{};
        (void)!epoll_ctl(fds.epoll, EPOLL_CTL_ADD, fds.socket, &event);
        // From here on the host lies.
        (void)!access("/host/now-lie", F_OK);
        (void)!access("now-lie", F_OK);
        const pid_t child = fork();
        for (int round = std::atoi(argv[2]); round > 0; round--) {
            const Breach breach = attempt(spec.call, spec, fds);
            if (breach != kNone) _exit(breach);
        }
        int status = 0;
        if (child != 0 && waitpid(child, &status, 0) != child) _exit(kNoChild);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : kNoChild);
    }
    return kUnknownCall;
}
