// THE table of forwarded calls: every Linux system call that an enclave may
// ask of its host, described once. The runtime's marshalling and its checks of
// the answers, the proxy's executor, the tracer, the fuzzer and
// docs/forwarded-calls.md derive from it.
//
// A row names the Linux call, what each argument is, and what results are
// possible. Whatever the host answers outside that becomes -EIO in the enclave.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/host/socket_message.hpp"

namespace enclavisor::abi {

enum class ArgumentKind : std::uint8_t {
    kNone,
    kValue,         // passed as it is
    kConstant,      // `size` is the value; the caller does not choose
    kHashes,        // the list of the trusted files' hashes; the caller does not choose
    kFd,            // a host descriptor (the runtime translates its own)
    kPath,          // zero-terminated string, at most kMaxPath with its zero
    kInput,         // bytes to the host; length is argument `length` times `size`
    kOutput,        // bytes from the host; capacity is argument `length` times `size`;
                    // the result tells how many are valid if Result is kCount, else all
    kInOut,         // both ways; length is argument `length` times `size`
    kInputStruct,   // `size` bytes to the host
    kOutputStruct,  // `size` bytes from the host
    kInOutStruct,   // `size` bytes both ways
};

struct Argument {
    ArgumentKind kind = ArgumentKind::kNone;
    std::uint8_t length = 0;  // index of the argument that holds the length
    std::uint32_t size = 1;   // see ArgumentKind
};

enum class ResultKind : std::uint8_t {
    kZero,            // 0
    kFd,              // a new descriptor, 0 .. kMaxHostFd
    kCount,           // 0 .. length of the output or input buffer
    kPosition,        // 0 .. 2^63 - 1
    kAtMost,          // 0 .. CallSpec::limit
    kAtMostArgument,  // 0 .. argument number CallSpec::limit
};

inline constexpr std::int64_t kMaxHostFd = 1 << 20;
inline constexpr std::size_t kMaxPath = 4096;
inline constexpr std::int64_t kMaxErrno = 133;

enum class ForwardedCall : std::uint32_t;

struct CallSpec {
    ForwardedCall call;
    std::string_view name;
    int linux_number;  // x86-64
    std::array<Argument, 6> arguments;
    ResultKind result;
    std::uint64_t limit = 0;
};

enum class ForwardedCall : std::uint32_t {
    kRead,
    kWrite,
    kPread,
    kPwrite,
    kOpenat,
    kClose,
    kFstat,
    kFstatat,
    kStatx,
    kLseek,
    kFaccessat,
    kGetdents,
    kReadlinkat,
    kMkdirat,
    kUnlinkat,
    kRenameat,
    kLinkat,
    kSymlinkat,
    kMknodat,
    kFchmod,
    kFchmodat,
    kFchown,
    kFchownat,
    kUtimensat,
    kTruncate,
    kFtruncate,
    kFallocate,
    kFsync,
    kFdatasync,
    kSync,
    kStatfs,
    kFstatfs,
    kGetcwd,
    kUmask,
    kGetFlags,
    kSetFlags,
    kGetLock,
    kSetLock,
    kFlock,
    kGetTermios,
    kSetTermios,
    kSetTermiosWait,
    kSetTermiosFlush,
    kGetWindowSize,
    kBytesReadable,
    kSetNonBlocking,
    kSocket,
    kConnect,
    kBind,
    kListen,
    kAccept,
    kSendto,
    kRecvfrom,
    kSendMessage,     // argument 4: SocketMessage, in place of struct msghdr
    kReceiveMessage,  // the same, both ways
    kShutdown,
    kGetsockname,
    kGetpeername,
    kSetsockopt,
    kGetsockopt,
    kPoll,
    kReadHashes,
    kEpollCreate,
    kEpollCtl,
    kEpollWait,
    kDuplicate,
    kInotifyInit,
    kInotifyAddWatch,
    kInotifyRemoveWatch,
    kCount_,
};
inline constexpr std::size_t kForwardedCallCount = static_cast<std::size_t>(ForwardedCall::kCount_);

namespace table {
using K = ArgumentKind;
inline constexpr Argument none{};
inline constexpr Argument value{K::kValue};
inline constexpr Argument fd{K::kFd};
inline constexpr Argument path{K::kPath};
inline constexpr Argument hashes{K::kHashes};
constexpr Argument constant(std::uint32_t v) {
    return {K::kConstant, 0, v};
}
constexpr Argument input(std::uint8_t length, std::uint32_t unit = 1) {
    return {K::kInput, length, unit};
}
constexpr Argument output(std::uint8_t length, std::uint32_t unit = 1) {
    return {K::kOutput, length, unit};
}
constexpr Argument in_out(std::uint8_t length, std::uint32_t unit = 1) {
    return {K::kInOut, length, unit};
}
constexpr Argument input_struct(std::uint32_t size) {
    return {K::kInputStruct, 0, size};
}
constexpr Argument output_struct(std::uint32_t size) {
    return {K::kOutputStruct, 0, size};
}
constexpr Argument in_out_struct(std::uint32_t size) {
    return {K::kInOutStruct, 0, size};
}
}  // namespace table

// Sizes of the Linux x86-64 structures that travel: stat 144, statx 256,
// statfs 120, flock 32, termios (kernel's) 36, winsize 8, timespec[2] 32,
// pollfd 8, epoll_event 12, socklen_t 4, int 4.
inline constexpr auto kForwardedCalls = [] {
    using namespace table;
    using C = ForwardedCall;
    using R = ResultKind;
    return std::to_array<CallSpec>({
        {C::kRead, "read", 0, {fd, output(2), value}, R::kCount},
        {C::kWrite, "write", 1, {fd, input(2), value}, R::kCount},
        {C::kPread, "pread64", 17, {fd, output(2), value, value}, R::kCount},
        {C::kPwrite, "pwrite64", 18, {fd, input(2), value, value}, R::kCount},
        {C::kOpenat, "openat", 257, {fd, path, value, value}, R::kFd},
        {C::kClose, "close", 3, {fd}, R::kZero},
        {C::kFstat, "fstat", 5, {fd, output_struct(144)}, R::kZero},
        {C::kFstatat, "newfstatat", 262, {fd, path, output_struct(144), value}, R::kZero},
        {C::kStatx, "statx", 332, {fd, path, value, value, output_struct(256)}, R::kZero},
        {C::kLseek, "lseek", 8, {fd, value, value}, R::kPosition},
        {C::kFaccessat, "faccessat2", 439, {fd, path, value, value}, R::kZero},
        {C::kGetdents, "getdents64", 217, {fd, output(2), value}, R::kCount},
        {C::kReadlinkat, "readlinkat", 267, {fd, path, output(3), value}, R::kCount},
        {C::kMkdirat, "mkdirat", 258, {fd, path, value}, R::kZero},
        {C::kUnlinkat, "unlinkat", 263, {fd, path, value}, R::kZero},
        {C::kRenameat, "renameat2", 316, {fd, path, fd, path, value}, R::kZero},
        {C::kLinkat, "linkat", 265, {fd, path, fd, path, value}, R::kZero},
        {C::kSymlinkat, "symlinkat", 266, {path, fd, path}, R::kZero},
        {C::kMknodat, "mknodat", 259, {fd, path, value, value}, R::kZero},
        {C::kFchmod, "fchmod", 91, {fd, value}, R::kZero},
        {C::kFchmodat, "fchmodat", 268, {fd, path, value}, R::kZero},
        {C::kFchown, "fchown", 93, {fd, value, value}, R::kZero},
        {C::kFchownat, "fchownat", 260, {fd, path, value, value, value}, R::kZero},
        {C::kUtimensat, "utimensat", 280, {fd, path, input_struct(32), value}, R::kZero},
        {C::kTruncate, "truncate", 76, {path, value}, R::kZero},
        {C::kFtruncate, "ftruncate", 77, {fd, value}, R::kZero},
        {C::kFallocate, "fallocate", 285, {fd, value, value, value}, R::kZero},
        {C::kFsync, "fsync", 74, {fd}, R::kZero},
        {C::kFdatasync, "fdatasync", 75, {fd}, R::kZero},
        {C::kSync, "sync", 162, {}, R::kZero},
        {C::kStatfs, "statfs", 137, {path, output_struct(120)}, R::kZero},
        {C::kFstatfs, "fstatfs", 138, {fd, output_struct(120)}, R::kZero},
        {C::kGetcwd, "getcwd", 79, {output(1), value}, R::kCount},
        {C::kUmask, "umask", 95, {value}, R::kAtMost, 0777},
        {C::kGetFlags, "fcntl(F_GETFL)", 72, {fd, constant(3)}, R::kAtMost, 0x7fffffff},
        {C::kSetFlags, "fcntl(F_SETFL)", 72, {fd, constant(4), value}, R::kZero},
        {C::kGetLock, "fcntl(F_OFD_GETLK)", 72, {fd, constant(36), in_out_struct(32)}, R::kZero},
        {C::kSetLock, "fcntl(F_OFD_SETLK)", 72, {fd, constant(37), in_out_struct(32)}, R::kZero},
        {C::kFlock, "flock", 73, {fd, value}, R::kZero},
        {C::kGetTermios, "ioctl(TCGETS)", 16, {fd, constant(0x5401), output_struct(36)}, R::kZero},
        {C::kSetTermios, "ioctl(TCSETS)", 16, {fd, constant(0x5402), input_struct(36)}, R::kZero},
        {C::kSetTermiosWait, "ioctl(TCSETSW)", 16, {fd, constant(0x5403), input_struct(36)}, R::kZero},
        {C::kSetTermiosFlush, "ioctl(TCSETSF)", 16, {fd, constant(0x5404), input_struct(36)}, R::kZero},
        {C::kGetWindowSize, "ioctl(TIOCGWINSZ)", 16, {fd, constant(0x5413), output_struct(8)}, R::kZero},
        {C::kBytesReadable, "ioctl(FIONREAD)", 16, {fd, constant(0x541b), output_struct(4)}, R::kZero},
        {C::kSetNonBlocking, "ioctl(FIONBIO)", 16, {fd, constant(0x5421), input_struct(4)}, R::kZero},
        {C::kSocket, "socket", 41, {value, value, value}, R::kFd},
        {C::kConnect, "connect", 42, {fd, input(2), value}, R::kZero},
        {C::kBind, "bind", 49, {fd, input(2), value}, R::kZero},
        {C::kListen, "listen", 50, {fd, value}, R::kZero},
        {C::kAccept, "accept4", 288, {fd, output_struct(128), in_out_struct(4), value}, R::kFd},
        {C::kSendto, "sendto", 44, {fd, input(2), value, value, input(5), value}, R::kAtMostArgument, 2},
        {C::kRecvfrom,
         "recvfrom",
         45,
         {fd, output(2), value, value, output_struct(128), in_out_struct(4)},
         R::kAtMostArgument,
         2},
        {C::kSendMessage,
         "sendmsg",
         46,
         {fd, input(2), value, value, input_struct(sizeof(SocketMessage))},
         R::kAtMostArgument,
         2},
        {C::kReceiveMessage,
         "recvmsg",
         47,
         {fd, output(2), value, value, in_out_struct(sizeof(SocketMessage))},
         R::kAtMostArgument,
         2},
        {C::kShutdown, "shutdown", 48, {fd, value}, R::kZero},
        {C::kGetsockname, "getsockname", 51, {fd, output_struct(128), in_out_struct(4)}, R::kZero},
        {C::kGetpeername, "getpeername", 52, {fd, output_struct(128), in_out_struct(4)}, R::kZero},
        {C::kSetsockopt, "setsockopt", 54, {fd, value, value, input(4), value}, R::kZero},
        {C::kGetsockopt,
         "getsockopt",
         55,
         {fd, value, value, output_struct(256), in_out_struct(4)},
         R::kZero},
        {C::kPoll, "ppoll", 271, {in_out(1, 8), value, input_struct(16), constant(0)}, R::kAtMostArgument, 1},
        {C::kReadHashes, "pread64 (trusted hashes)", 17, {hashes, output(2), value, value}, R::kCount},
        {C::kEpollCreate, "epoll_create1", 291, {value}, R::kFd},
        {C::kEpollCtl, "epoll_ctl", 233, {fd, value, fd, input_struct(12)}, R::kZero},
        {C::kEpollWait,
         "epoll_pwait2",
         441,
         {fd, output(2, 12), value, input_struct(16), constant(0)},
         R::kAtMostArgument,
         2},
        {C::kDuplicate, "fcntl(F_DUPFD_CLOEXEC)", 72, {fd, constant(1030), value}, R::kFd},
        {C::kInotifyInit, "inotify_init1", 294, {value}, R::kFd},
        {C::kInotifyAddWatch, "inotify_add_watch", 254, {fd, path, value}, R::kAtMost, 0x7fffffff},
        {C::kInotifyRemoveWatch, "inotify_rm_watch", 255, {fd, value}, R::kZero},
    });
}();
static_assert(kForwardedCalls.size() == kForwardedCallCount);
static_assert(
    [] {
        for (std::size_t i = 0; i < kForwardedCalls.size(); i++) {
            if (static_cast<std::size_t>(kForwardedCalls[i].call) != i) return false;
        }
        return true;
    }(),
    "rows stand in the order of ForwardedCall");

constexpr const CallSpec& spec_of(ForwardedCall call) {
    return kForwardedCalls[static_cast<std::size_t>(call)];
}

}  // namespace enclavisor::abi
