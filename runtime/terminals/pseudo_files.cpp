#include "runtime/terminals/pseudo_files.hpp"

#include <signal.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "runtime/processes/process.hpp"
#include "runtime/signals/send_to_all.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kStep = 1024;
constexpr std::uint64_t kTenth = 100'000'000;  // of a second: what VTIME counts

// Passes bytes on in steps while all of a step was taken: how many, or -EAGAIN.
template <typename Pass>
std::int64_t pass(const Buffers& from, std::uint64_t done, Pass pass_step) {
    char bytes[kStep];
    const std::uint64_t begin = done;
    while (done < from.size()) {
        const std::uint64_t step = std::min(kStep, from.size() - done);
        if (!from.read(done, bytes, step))
            return done > begin ? static_cast<std::int64_t>(done - begin) : -EFAULT;
        const std::uint64_t taken = pass_step(std::string_view{bytes, step});
        done += taken;
        if (taken < step) break;
    }
    return done > begin || done == from.size() ? static_cast<std::int64_t>(done - begin) : -EAGAIN;
}

}  // namespace

// --- the master ----------------------------------------------------------------

std::int64_t TerminalMaster::stat(struct stat& info) {
    describe_object(info, S_IFCHR | 0666, 2);
    info.st_rdev = makedev(5, 2);
    return 0;
}

short TerminalMaster::readiness() {
    const PseudoTerminal& t = *terminal_;
    short events = 0;
    if (!t.discipline.output().empty()) events |= kReadable;
    if (t.packet_news != 0) events |= kReadable | POLLPRI;
    if (t.discipline.can_type()) events |= kWritable;
    if (t.slave_was_open && t.slaves == 0) events |= POLLHUP;
    return events;
}

std::int64_t TerminalMaster::take(const Buffers& to) {
    PseudoTerminal& t = *terminal_;
    if (to.size() == 0) return 0;
    if (t.packet_news != 0) {
        if (!to.write(0, &t.packet_news, 1)) return -EFAULT;
        t.packet_news = 0;
        return 1;
    }
    const std::string& output = t.discipline.output();
    if (output.empty()) return t.slave_was_open && t.slaves == 0 ? -EIO : -EAGAIN;
    const std::uint64_t prefix = t.packets ? 1 : 0;
    const std::uint64_t count = std::min<std::uint64_t>(output.size(), to.size() - prefix);
    const std::uint8_t data = TIOCPKT_DATA;
    if (prefix != 0 && !to.write(0, &data, 1)) return -EFAULT;
    if (!to.write(prefix, output.data(), count)) return -EFAULT;
    t.discipline.drop_output(count);
    t.tell();
    return static_cast<std::int64_t>(prefix + count);
}

std::int64_t TerminalMaster::put(const Buffers& from, std::uint64_t done) {
    PseudoTerminal& t = *terminal_;
    const std::int64_t count =
        pass(from, done, [&](std::string_view bytes) { return t.discipline.type(bytes); });
    t.tell();
    return count;
}

std::int64_t TerminalMaster::open_peer(int flags) {
    const auto opened = terminal_->open(flags);
    if (!opened.ok()) return opened.error();
    return process().files->add(opened.value(), flags & O_CLOEXEC);
}

std::int64_t TerminalMaster::control(std::uint64_t request, Address argument) {
    PseudoTerminal& t = *terminal_;
    int value;
    switch (request) {
        case TIOCGPTN:
            return runtime::put(argument, t.number);
        case TIOCSPTLCK:
            if (!get(argument, value)) return -EFAULT;
            t.locked = value != 0;
            return 0;
        case TIOCGPTLCK:
            return runtime::put(argument, static_cast<int>(t.locked));
        case TIOCGPTPEER:
            return open_peer(static_cast<int>(argument));
        case TIOCPKT:
            if (!get(argument, value)) return -EFAULT;
            if (value != 0 && !t.packets) t.packet_news = 0;
            t.packets = value != 0;
            return 0;
        case TIOCGPKT:
            return runtime::put(argument, static_cast<int>(t.packets));
        case TIOCSIG: {
            const auto signal = static_cast<int>(argument);
            if (signal != SIGINT && signal != SIGQUIT && signal != SIGTSTP) return -EINVAL;
            t.discipline.interrupt(signal);
            t.tell();
            return 0;
        }
        default: {
            const std::int64_t result = ObjectFile::control(request, argument);
            return result == -ENOTTY ? t.control(request, argument, true) : result;
        }
    }
}

// --- a slave -------------------------------------------------------------------

TerminalSlave::TerminalSlave(Ref<PseudoTerminal> terminal, int flags)
    : ObjectFile{flags & ~TerminalMaster::kOpening}, terminal_{std::move(terminal)} {
    terminal_->slaves++;
    terminal_->slave_was_open = true;
}

std::int64_t TerminalSlave::stat(struct stat& info) {
    terminal_->describe(info);
    return 0;
}
std::int64_t TerminalSlave::change_mode(mode_t mode) {
    terminal_->mode = mode & 07777;
    return 0;
}
std::int64_t TerminalSlave::change_owner(uid_t uid, gid_t gid) {
    if (uid != static_cast<uid_t>(-1)) terminal_->uid = uid;
    if (gid != static_cast<gid_t>(-1)) terminal_->gid = gid;
    return 0;
}

short TerminalSlave::readiness() {
    if (terminal_->hung_up) return kReadable | kWritable | POLLERR | POLLHUP;
    short events = 0;
    if (terminal_->discipline.ready()) events |= kReadable;
    if (terminal_->discipline.room() > 0) events |= kWritable;
    return events;
}

std::int64_t TerminalSlave::read(const Buffers& to, std::uint64_t offset) {
    PseudoTerminal& t = *terminal_;
    LineDiscipline& discipline = t.discipline;
    if (offset != kPosition) return -ESPIPE;
    if (t.hung_up) return 0;
    if (const std::int64_t error = ask_to_use(t, SIGTTIN); error != 0) return error;

    // VMIN 0: VTIME is for the first byte, and one is enough. Else it is for what comes after it.
    const TerminalSettings& settings = discipline.settings();
    const bool counts = !discipline.lines() && settings.c_cc[VMIN] != 0;
    const bool hurries = !discipline.lines() && settings.c_cc[VMIN] == 0;
    const std::uint64_t least = counts ? settings.c_cc[VMIN] : 1;
    const std::uint64_t time = discipline.lines() ? 0 : settings.c_cc[VTIME] * kTenth;
    std::uint64_t deadline = hurries ? deadline_after(time) : 0;
    std::uint64_t done = 0;
    std::int64_t error = 0;
    while (done < to.size()) {
        if (discipline.readable()) {
            char bytes[4096];  // more than there can be
            const std::size_t count = discipline.read(bytes, std::min(sizeof(bytes), to.size() - done));
            if (!to.write(done, bytes, count)) error = -EFAULT;
            if (error == 0) done += count;
            t.tell();
            if (error != 0 || discipline.lines() || done >= least) break;
            if (counts) deadline = deadline_after(time);
            continue;
        }
        if (t.hung_up)
            error = -EIO;
        else if (hurries && time == 0)
            break;
        else if (!waits())
            error = -EAGAIN;
        else
            error = wait_for(*this, POLLIN, deadline);
        if (error == -EAGAIN && waits()) {  // time is up
            error = 0;
            break;
        }
        if (error == -EINTR) error = restart_call();
        if (error != 0) break;
    }
    return done > 0 ? static_cast<std::int64_t>(done) : error;
}

std::int64_t TerminalSlave::write(const Buffers& from, std::uint64_t offset) {
    if (offset != kPosition) return -ESPIPE;
    if (terminal_->hung_up) return -EIO;
    if (const std::int64_t error = ask_to_write(*terminal_); error != 0) return error;
    return ObjectFile::write(from, offset);
}

std::int64_t TerminalSlave::put(const Buffers& from, std::uint64_t done) {
    PseudoTerminal& t = *terminal_;
    if (t.hung_up) return -EIO;
    const std::int64_t count =
        pass(from, done, [&](std::string_view bytes) { return t.discipline.write(bytes); });
    t.tell();
    return count;
}

std::int64_t TerminalSlave::control(std::uint64_t request, Address argument) {
    if (terminal_->hung_up) return request == TIOCSPGRP ? -ENOTTY : -EIO;
    const std::int64_t result = ObjectFile::control(request, argument);
    return result == -ENOTTY ? terminal_->control(request, argument, false) : result;
}

}  // namespace enclavisor::runtime
