// Processes: making, executing and waiting for them, their groups and sessions.
#include <linux/sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "runtime/calls/call.hpp"
#include "runtime/calls/names.hpp"
#include "runtime/entry/program_start.hpp"
#include "runtime/processes/children.hpp"
#include "runtime/processes/exec.hpp"
#include "runtime/processes/fork.hpp"
#include "runtime/support/text.hpp"

namespace enclavisor::runtime {
namespace {

// --- clone -----------------------------------------------------------------

std::int64_t sys_clone(Frame* frame) {
    constexpr std::uint64_t kSignalMask = 0xff;
    clone_args wanted{};
    wanted.flags = frame->rdi & 0xffff'ffff & ~kSignalMask;
    wanted.exit_signal = wanted.flags & CLONE_THREAD ? 0 : frame->rdi & kSignalMask;
    wanted.stack = frame->rsi;
    wanted.parent_tid = frame->rdx;
    wanted.child_tid = frame->r10;
    wanted.tls = frame->r8;
    return clone(*frame, wanted);
}

std::int64_t sys_clone3(Frame* frame) {
    const std::uint64_t size = frame->rsi;
    if (size > abi::kPageSize) return -E2BIG;
    if (size < CLONE_ARGS_SIZE_VER0) return -EINVAL;
    clone_args wanted{};
    if (!copy_in(&wanted, frame->rdi, std::min<std::uint64_t>(size, sizeof(wanted)))) return -EFAULT;
    for (std::uint64_t at = sizeof(wanted); at < size; at++) {
        std::uint8_t more;
        if (!get(frame->rdi + at, more)) return -EFAULT;
        if (more != 0) return -E2BIG;
    }
    if ((wanted.stack == 0) != (wanted.stack_size == 0)) return -EINVAL;
    if ((wanted.flags & (CLONE_THREAD | CLONE_PARENT)) && wanted.exit_signal != 0) return -EINVAL;
    if (wanted.set_tid_size != 0) return -EPERM;
    return clone(*frame, wanted);
}

std::int64_t sys_fork(Frame* frame) {
    clone_args wanted{};
    wanted.exit_signal = SIGCHLD;
    return clone(*frame, wanted);
}

std::int64_t sys_vfork(Frame* frame) {
    clone_args wanted{};
    wanted.flags = CLONE_VM | CLONE_VFORK;
    wanted.exit_signal = SIGCHLD;
    return clone(*frame, wanted);
}

std::int64_t sys_unshare(std::uint64_t flags) {
    constexpr std::uint64_t kOfThreads = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    if (flags & ~(kNamespaceFlags | kOfThreads | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)) return -EINVAL;
    if (flags & kNamespaceFlags) return -EPERM;
    Process& self = process();
    if ((flags & kOfThreads) && self.thread_count > 1) return -EINVAL;
    // Threads have one table of descriptors and one directory; processes may share theirs.
    if ((flags & (CLONE_FS | CLONE_FILES)) && self.thread_count > 1) return -ENOSYS;
    if (flags & CLONE_FILES) self.files = make_ref<Descriptors>(*self.files);
    if (flags & CLONE_FS) self.directory = make_ref<Directory>(*self.directory);
    return 0;
}

// --- execve ----------------------------------------------------------------

constexpr std::size_t kMostText = 128 << 10;  // MAX_ARG_STRLEN

std::int64_t get_text(Address from, std::string& text) {
    char part[1024];
    for (;;) {
        const long size =
            guarded_string(part, reinterpret_cast<const char*>(from + text.size()), sizeof(part));
        if (size < 0) return -EFAULT;
        text.append(part, static_cast<std::size_t>(size));
        if (text.size() >= kMostText) return -E2BIG;
        if (static_cast<std::size_t>(size) < sizeof(part)) return 0;
    }
}

// A list that ends with a null pointer; none at all counts as empty.
std::int64_t get_list(Address from, std::uint64_t& room, std::vector<std::string>& list) {
    for (; from != 0; from += 8) {
        Address at;
        if (!get(from, at)) return -EFAULT;
        if (at == 0) break;
        std::string text;
        TRY_ERRNO(get_text(at, text));
        const std::uint64_t size = text.size() + 1 + sizeof(at);
        if (size > room) return -E2BIG;
        room -= size;
        list.push_back(std::move(text));
    }
    return 0;
}

std::int64_t execute_at(Place& place, std::string path, Address arguments, Address environment) {
    ExecRequest request;
    std::uint64_t room = most_argument_bytes() - abi::kPageSize;
    TRY_ERRNO(get_list(arguments, room, request.arguments));
    TRY_ERRNO(get_list(environment, room, request.environment));
    auto opened = open_executable(place);
    if (!opened.ok()) return opened.error();
    request.file = opened.take();
    // As Linux since 5.18: a program has a name.
    if (request.arguments.empty()) request.arguments.emplace_back();
    request.path = std::move(path);
    return execute(std::move(request));
}

std::int64_t sys_execve(Address path_at, Address arguments, Address environment) {
    std::string path;
    TRY_ERRNO(get_path(path_at, path));
    Place place;
    TRY_ERRNO(get_place(AT_FDCWD, path_at, true, place));
    return execute_at(place, std::move(path), arguments, environment);
}

std::int64_t sys_execveat(int directory, Address path_at, Address arguments, Address environment, int flags) {
    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) return -EINVAL;
    std::string path;
    TRY_ERRNO(get_path(path_at, path));
    Place place;
    if (path.empty() && (flags & AT_EMPTY_PATH) && directory != AT_FDCWD) {
        path = join("/dev/fd/", directory);
        TRY_FILE(static_cast<Fd>(directory));
        TRY_ERRNO(system().names.resolve(nullptr, path, true, place));
    } else {
        const bool follow = !(flags & AT_SYMLINK_NOFOLLOW);
        TRY_ERRNO(get_place(directory, path_at, follow, place));
        struct stat info;
        if (!follow && place.files->stat(place, AT_SYMLINK_NOFOLLOW, info) == 0 && S_ISLNK(info.st_mode)) {
            return -ELOOP;
        }
        if (directory != AT_FDCWD && !path.starts_with('/')) path = join("/dev/fd/", directory, "/", path);
    }
    return execute_at(place, std::move(path), arguments, environment);
}

// --- wait ------------------------------------------------------------------

rusage usage_of(std::uint64_t nanoseconds) {
    rusage usage{};
    const timespec used = to_timespec(nanoseconds);
    usage.ru_utime = {used.tv_sec, used.tv_nsec / 1000};
    return usage;
}

std::int64_t sys_wait4(std::int32_t pid, Address status, int options, Address usage) {
    constexpr int kKnown =
        WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | static_cast<int>(__WALL);
    if (options & ~kKnown) return -EINVAL;
    if (pid == INT32_MIN) return -ESRCH;
    ChildChoice choice{.options = options | WEXITED};
    if (pid > 0) choice.pid = static_cast<std::uint32_t>(pid);
    if (pid == 0) choice.group = process().group;
    if (pid < -1) choice.group = static_cast<std::uint32_t>(-pid);
    ChildNews news;
    TRY_ERRNO(wait_for_child(choice, news));
    if (news.pid == 0) return 0;
    if (status != 0) TRY_ERRNO(put(status, news.status));
    if (usage != 0) TRY_ERRNO(put(usage, usage_of(news.time_used)));
    return news.pid;
}

std::int64_t sys_waitid(int type, std::int32_t id, Address info_at, int options, Address usage) {
    constexpr int kKnown = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE |
                           static_cast<int>(__WALL);
    if ((options & ~kKnown) || !(options & (WEXITED | WSTOPPED | WCONTINUED))) return -EINVAL;
    ChildChoice choice{.options = options};
    switch (type) {
        case P_ALL:
            break;
        case P_PID:
            if (id <= 0) return -EINVAL;
            choice.pid = static_cast<std::uint32_t>(id);
            break;
        case P_PGID:
            if (id < 0) return -EINVAL;
            choice.group = id == 0 ? process().group : static_cast<std::uint32_t>(id);
            break;
        case P_PIDFD:
            return id < 0 ? -EINVAL : -EBADF;
        default:
            return -EINVAL;
    }
    ChildNews news;
    TRY_ERRNO(wait_for_child(choice, news));
    SignalInfo info{};
    if (news.pid != 0) {
        info.number = SIGCHLD;
        info.sender.pid = static_cast<std::int32_t>(news.pid);
        info.sender.uid = news.uid;
        const auto tell = [&](int code, int value) {
            info.code = code;
            info.sender.value = static_cast<std::uint32_t>(value);
        };
        if (news.status == kContinuedStatus) {
            tell(CLD_CONTINUED, SIGCONT);
        } else if (WIFSTOPPED(news.status)) {
            tell(CLD_STOPPED, WSTOPSIG(news.status));
        } else if (WIFSIGNALED(news.status)) {
            tell(CLD_KILLED, WTERMSIG(news.status));
        } else {
            tell(CLD_EXITED, WEXITSTATUS(news.status));
        }
    }
    if (usage != 0 && news.pid != 0) TRY_ERRNO(put(usage, usage_of(news.time_used)));
    return info_at != 0 ? put(info_at, info) : 0;
}

// --- groups and sessions -----------------------------------------------------

std::int64_t sys_getpgrp(Frame*) {
    return process().group;
}
Process* named(std::int32_t pid) {
    return pid == 0 ? &process() : system().processes.find(static_cast<std::uint32_t>(pid));
}
std::int64_t sys_getpgid(std::int32_t pid) {
    const Process* who = named(pid);
    return who == nullptr ? -ESRCH : std::int64_t{who->group};
}
std::int64_t sys_getsid(std::int32_t pid) {
    const Process* who = named(pid);
    return who == nullptr ? -ESRCH : std::int64_t{who->session};
}

std::int64_t sys_setpgid(std::int32_t pid, std::int32_t group) {
    const Process& self = process();
    if (group < 0) return -EINVAL;
    Process* target = named(pid);
    if (target == nullptr || (target != &self && target->parent != self.pid)) return -ESRCH;
    if (target != &self && target->session != self.session) return -EPERM;
    if (target != &self && target->has_executed) return -EACCES;
    if (target->session == target->pid) return -EPERM;
    const std::uint32_t wanted = group == 0 ? target->pid : static_cast<std::uint32_t>(group);
    if (wanted != target->pid && !system().processes.has_group(wanted, self.session)) return -EPERM;
    target->group = wanted;
    return 0;
}

std::int64_t sys_setsid(Frame*) {
    Process& self = process();
    if (system().processes.has_group(self.pid)) return -EPERM;
    self.session = self.group = self.pid;
    self.leads_session = true;
    self.terminal = {};
    return self.pid;
}

}  // namespace

ENCLAVISOR_CALL(clone)
ENCLAVISOR_CALL(clone3)
ENCLAVISOR_CALL(fork)
ENCLAVISOR_CALL(vfork)
ENCLAVISOR_CALL(unshare)
ENCLAVISOR_CALL(execve)
ENCLAVISOR_CALL(execveat)
ENCLAVISOR_CALL(wait4)
ENCLAVISOR_CALL(waitid)
ENCLAVISOR_CALL(getpgrp)
ENCLAVISOR_CALL(getpgid)
ENCLAVISOR_CALL(getsid)
ENCLAVISOR_CALL(setpgid)
ENCLAVISOR_CALL(setsid)

}  // namespace enclavisor::runtime
