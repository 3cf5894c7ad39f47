#include "runtime/terminals/terminal.hpp"

#include <signal.h>
#include <sys/ioctl.h>

#include "runtime/files/host_file.hpp"
#include "runtime/host/host.hpp"
#include "runtime/processes/children.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/signals/send_to_all.hpp"
#include "runtime/system.hpp"
#include "runtime/terminals/line_discipline.hpp"

namespace enclavisor::runtime {
namespace {

using C = abi::ForwardedCall;

void give_up_everywhere(Terminal& terminal) {
    system().processes.for_each([&](Process& process) {
        if (process.terminal.get() == &terminal) process.terminal = {};
        return false;
    });
    terminal.session = terminal.foreground = 0;
}

void take(Terminal& terminal) {
    Process& self = process();
    terminal.session = self.session;
    terminal.foreground = self.group;
    self.terminal = Ref<Terminal>{&terminal};
}

std::int64_t set_foreground(Terminal& terminal, Address argument) {
    const std::int64_t error = ask_to_use(terminal, SIGTTOU);
    if (error != 0) return error == -EIO ? -ENOTTY : error;
    const Process& self = process();
    if (self.terminal.get() != &terminal || terminal.session != self.session) return -ENOTTY;
    std::int32_t group;
    if (!get(argument, group)) return -EFAULT;
    if (group < 0) return -EINVAL;
    const auto wanted = static_cast<std::uint32_t>(group);
    if (!system().processes.has_group(wanted)) {
        return system().threads.find(wanted) != nullptr ? -EPERM : -ESRCH;
    }
    if (!system().processes.has_group(wanted, self.session)) return -EPERM;
    terminal.foreground = wanted;
    return 0;
}

std::int64_t make_controlling(Terminal& terminal, Address force) {
    const Process& self = process();
    if (self.leads_session && self.session == terminal.session) return 0;
    if (!self.leads_session || self.terminal) return -EPERM;
    if (terminal.session != 0) {
        if (force != 1 || self.euid != 0) return -EPERM;
        give_up_everywhere(terminal);
    }
    take(terminal);
    return 0;
}

}  // namespace

Opened HostTerminal::open(int flags) {
    const std::int64_t fd = forward(C::kOpenat, AT_FDCWD, "/dev/tty", flags | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0) return failed(fd);
    const auto file = make_ref<HostFile>(static_cast<int>(fd), flags & ~(O_CREAT | O_TRUNC | O_CLOEXEC),
                                         std::string{}, "/dev/tty");
    file->may_be(Ref<Terminal>{this});
    return Ref<OpenFile>{file};
}

std::uint64_t HostTerminal::device() {
    for (const std::uint64_t fd : {0, 1, 2}) {
        const Ref<OpenFile> file = process().files->hold(fd);
        struct stat info;
        if (file && file->terminal() == this && file->stat(info) == 0) return info.st_rdev;
    }
    return 0;
}

bool HostTerminal::stops_writers() {
    for (const std::uint64_t fd : {0, 1, 2}) {
        const Ref<OpenFile> file = process().files->hold(fd);
        TerminalSettings settings;
        if (file && file->terminal() == this && forward(C::kGetTermios, file->host_fd(), 0, &settings) == 0) {
            return settings.c_lflag & TOSTOP;
        }
    }
    return false;
}

bool in_background(const Terminal& terminal) {
    const Process& self = process();
    return self.terminal.get() == &terminal && terminal.foreground != 0 && terminal.foreground != self.group;
}

std::int64_t ask_to_use(Terminal& terminal, int signal) {
    if (!in_background(terminal)) return 0;
    const Process& self = process();
    const bool deaf =
        (this_thread().signals.mask() & signal_bit(signal)) || self.signals.action(signal).handler == 1;
    if (deaf) return signal == SIGTTIN ? -EIO : 0;
    if (is_orphaned(self.group)) return -EIO;
    send_to_group(self.group, kernel_signal(signal));
    return restart_call();
}

std::int64_t ask_to_write(Terminal& terminal) {
    return in_background(terminal) && terminal.stops_writers() ? ask_to_use(terminal, SIGTTOU) : 0;
}

std::int64_t control_job(Terminal& terminal, std::uint64_t request, Address argument, bool through_master) {
    const bool own = process().terminal.get() == &terminal;
    switch (request) {
        case TIOCGPGRP:
            return own || through_master ? put(argument, terminal.foreground) : -ENOTTY;
        case TIOCGSID:
            if (!(own || through_master) || terminal.session == 0) return -ENOTTY;
            return put(argument, terminal.session);
        case TIOCSPGRP:
            return set_foreground(terminal, argument);
        case TIOCSCTTY:
            return through_master ? -EPERM : make_controlling(terminal, argument);
        case TIOCNOTTY:
            if (!own) return -ENOTTY;
            give_up_terminal(process(), false);
            return 0;
        default:
            return -ENOTTY;
    }
}

void become_terminal_of_session(Terminal& terminal) {
    if (process().leads_session && !process().terminal && terminal.session == 0) take(terminal);
}

void hang_up(Terminal& terminal) {
    Process* leader = nullptr;
    system().processes.for_each([&](Process& each) {
        if (each.terminal.get() == &terminal && each.leads_session) leader = &each;
        return false;
    });
    if (leader != nullptr) leader->hung_up_group = terminal.foreground;
    give_up_everywhere(terminal);
    if (leader == nullptr) return;
    send_to_process(*leader, kernel_signal(SIGHUP));
    send_to_process(*leader, kernel_signal(SIGCONT));
}

void release(Terminal& terminal) {
    give_up_everywhere(terminal);
}

void give_up_terminal(Process& process, bool ends) {
    const Ref<Terminal> terminal = std::exchange(process.terminal, {});
    if (!process.leads_session) return;
    const std::uint32_t group = terminal ? terminal->foreground : ends ? process.hung_up_group : 0;
    if (terminal) give_up_everywhere(*terminal);
    if (group == 0) return;
    send_to_group(group, kernel_signal(SIGHUP));
    if (!ends || !terminal) send_to_group(group, kernel_signal(SIGCONT));
}

}  // namespace enclavisor::runtime
