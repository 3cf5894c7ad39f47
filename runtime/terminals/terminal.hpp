// Terminals as sessions and groups see them: whose a terminal is, and which group may use
// it. The lock is held.
#pragma once

#include <cstdint>

#include "runtime/files/file_system.hpp"
#include "runtime/signals/signals.hpp"

namespace enclavisor::runtime {

class Terminal : public Counted {
public:
    std::uint32_t session = 0;     // 0: nobody's
    std::uint32_t foreground = 0;  // the group that may use it; 0: none

    // Another open file of it: /dev/tty.
    virtual Opened open(int flags) = 0;
    // As st_rdev; 0: there is none.
    virtual std::uint64_t device() = 0;
    // Whether who is in the background may not write (TOSTOP).
    virtual bool stops_writers() = 0;
};

// What the host's descriptors 0 to 2 and its /dev/tty are, if they are a terminal.
class HostTerminal final : public Terminal {
public:
    Opened open(int flags) override;
    std::uint64_t device() override;
    bool stops_writers() override;
};

// Whether the calling process may not use its terminal as it likes.
bool in_background(const Terminal& terminal);
// What it takes to read (SIGTTIN), to write or to change something (SIGTTOU): 0, or what
// the call returns now.
std::int64_t ask_to_use(Terminal& terminal, int signal);
std::int64_t ask_to_write(Terminal& terminal);

// TIOCGPGRP, TIOCSPGRP, TIOCGSID, TIOCSCTTY, TIOCNOTTY, or -ENOTTY. `through_master`: by who has the
// other side of a pseudo-terminal.
std::int64_t control_job(Terminal& terminal, std::uint64_t request, Address argument, bool through_master);
// A leader of a session without a terminal opens one.
void become_terminal_of_session(Terminal& terminal);
// Nobody's from here on; the session hears of it.
void hang_up(Terminal& terminal);
// Nobody has it open any more.
void release(Terminal& terminal);

// A process gives up its terminal, and so does its session if it leads it. `ends`: with it the
// session does.
void give_up_terminal(Process& process, bool ends);

}  // namespace enclavisor::runtime
