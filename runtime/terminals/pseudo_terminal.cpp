#include "runtime/terminals/pseudo_terminal.hpp"

#include <signal.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "runtime/objects/object_file.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/signals/send_to_all.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"
#include "runtime/terminals/pseudo_files.hpp"

namespace enclavisor::runtime {
namespace {

constexpr unsigned kMajor = 136;
constexpr std::uint32_t kSpeed = 38400;

}  // namespace

Opened PseudoTerminal::open(int flags) {
    if (locked || hung_up) return failed(-EIO);
    const Ref<OpenFile> file = make_ref<TerminalSlave>(Ref<PseudoTerminal>{this}, flags);
    if (!(flags & O_NOCTTY) && file->readable()) become_terminal_of_session(*this);
    return file;
}

std::uint64_t PseudoTerminal::device() {
    return makedev(kMajor, number);
}

std::string PseudoTerminal::name() const {
    return join("/dev/pts/", number);
}

void PseudoTerminal::describe(struct stat& info) const {
    describe_object(info, S_IFCHR | mode, inode);
    info.st_rdev = makedev(kMajor, number);
    info.st_blksize = 1024;
    info.st_uid = uid;
    info.st_gid = gid;
    info.st_atim = info.st_mtim = info.st_ctim = system().clock.now(ClockKind::kWall);
}

void PseudoTerminal::tell() {
    for (std::uint64_t set = discipline.take_signals(); set != 0; set &= set - 1) {
        if (foreground != 0) send_to_group(foreground, kernel_signal(__builtin_ctzll(set) + 1));
    }
    if (discipline.readable()) for_slaves.notify(kReadable);
    if (discipline.room() > 0) for_slaves.notify(kWritable);
    if (packet_news != 0) for_master.notify(kReadable | POLLPRI);
    if (!discipline.output().empty()) for_master.notify(kReadable);
    if (discipline.can_type()) for_master.notify(kWritable);
}

void PseudoTerminal::slave_closed() {
    if (--slaves > 0) return;
    release(*this);
    for_master.notify(kReadable | kAlwaysTold);
}

void PseudoTerminal::master_closed() {
    hung_up = true;
    system().pseudo_terminals.remove(*this);
    discipline.forget_input();
    discipline.set_stopped(false);
    hang_up(*this);
    for_slaves.notify(kReadable | kWritable | kAlwaysTold);
}

std::int64_t PseudoTerminal::set_settings(const TerminalSettings& settings, bool forget_input) {
    if (const std::int64_t error = ask_to_use(*this, SIGTTOU); error != 0) return error;
    if (forget_input) discipline.forget_input();
    discipline.set(settings);
    tell();
    return 0;
}

std::int64_t PseudoTerminal::resize(Address from) {
    winsize wanted;
    if (!get(from, wanted)) return -EFAULT;
    if (std::memcmp(&wanted, &size, sizeof(size)) == 0) return 0;
    size = wanted;
    if (foreground != 0) send_to_group(foreground, kernel_signal(SIGWINCH));
    return 0;
}

// The master's input is the slaves' output.
std::int64_t PseudoTerminal::forget(int what, bool master) {
    if (const std::int64_t error = ask_to_use(*this, SIGTTOU); error != 0) return error;
    if (what < TCIFLUSH || what > TCIOFLUSH) return -EINVAL;
    const bool input = what != TCOFLUSH, output = what != TCIFLUSH;
    if (master ? output : input) {
        discipline.forget_input();
        if (packets) packet_news |= TIOCPKT_FLUSHREAD;
    }
    if (master && input) discipline.drop_output(discipline.output().size());
    if (!master && output) {
        discipline.forget_output();
        if (packets) packet_news |= TIOCPKT_FLUSHWRITE;
    }
    tell();
    return 0;
}

std::int64_t PseudoTerminal::control_flow(int what) {
    if (const std::int64_t error = ask_to_use(*this, SIGTTOU); error != 0) return error;
    switch (what) {
        case TCOOFF:
        case TCOON:
            if (packets && discipline.stopped() != (what == TCOOFF)) {
                packet_news = what == TCOOFF ? TIOCPKT_STOP : TIOCPKT_START;
            }
            discipline.set_stopped(what == TCOOFF);
            break;
        case TCIOFF:
        case TCION:
            if (const cc_t key = discipline.settings().c_cc[what == TCIOFF ? VSTOP : VSTART]; key != 0) {
                const char byte = static_cast<char>(key);
                discipline.write({&byte, 1});
            }
            break;
        default:
            return -EINVAL;
    }
    tell();
    return 0;
}

std::int64_t PseudoTerminal::control(std::uint64_t request, Address argument, bool master) {
    switch (request) {
        case TCGETS:
            return put(argument, discipline.settings());
        case TCGETS2: {
            termios2 settings{};
            std::memcpy(&settings, &discipline.settings(), sizeof(TerminalSettings));
            settings.c_ispeed = settings.c_ospeed = kSpeed;
            return put(argument, settings);
        }
        case TCSETS:
        case TCSETSW:
        case TCSETSF:
        case TCSETS2:
        case TCSETSW2:
        case TCSETSF2: {
            TerminalSettings settings;
            if (!get(argument, settings)) return -EFAULT;
            return set_settings(settings, request == TCSETSF || request == TCSETSF2);
        }
        case TIOCGWINSZ:
            return put(argument, size);
        case TIOCSWINSZ:
            return resize(argument);
        case TCFLSH:
            return forget(static_cast<int>(argument), master);
        case TCXONC:
            return control_flow(static_cast<int>(argument));
        case TCSBRK:
        case TCSBRKP:  // all that was written is where it goes
            return ask_to_use(*this, SIGTTOU);
        case TIOCOUTQ:
            return put(argument, 0);
        case TIOCGETD:
            return put(argument, 0);  // N_TTY
        case TIOCEXCL:
        case TIOCNXCL:
            return 0;
        default:
            return control_job(*this, request, argument, master);
    }
}

Opened PseudoTerminals::open_master(int flags) {
    std::uint32_t number = kFirstNumber;
    while (find(number) != nullptr) number++;
    if (number - kFirstNumber >= kMost) return failed(-ENOSPC);
    const auto terminal = make_ref<PseudoTerminal>(number, process().euid);
    all_.push_back(terminal.get());
    return Ref<OpenFile>{make_ref<TerminalMaster>(terminal, flags)};
}

PseudoTerminal* PseudoTerminals::find(std::uint32_t number) const {
    for (PseudoTerminal* terminal : all_) {
        if (terminal->number == number) return terminal;
    }
    return nullptr;
}

}  // namespace enclavisor::runtime
