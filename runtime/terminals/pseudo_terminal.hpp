// Pseudo-terminals (pty(7)): what is between a master and its slaves. All inside the
// enclave. The lock is held.
#pragma once

#include <sys/ioctl.h>

#include <string>
#include <vector>

#include "runtime/terminals/line_discipline.hpp"
#include "runtime/terminals/terminal.hpp"

namespace enclavisor::runtime {

class PseudoTerminal final : public Terminal {
public:
    PseudoTerminal(std::uint32_t its_number, std::uint32_t its_uid)
        : number{its_number}, uid{its_uid}, inode{its_number + 3} {}

    // A slave; becomes the terminal of a session that has none, unless O_NOCTTY.
    Opened open(int flags) override;
    std::uint64_t device() override;
    bool stops_writers() override { return discipline.settings().c_lflag & TOSTOP; }
    std::string name() const;
    void describe(struct stat& info) const;

    // What both sides can ask for; -ENOTTY: neither.
    std::int64_t control(std::uint64_t request, Address argument, bool master);
    // Sends the signals that were typed, tells both sides what may have changed.
    void tell();
    void slave_closed();
    void master_closed();

    const std::uint32_t number;
    std::uint32_t uid, gid = 5;  // "tty" everywhere
    mode_t mode = 0620;
    const std::uint64_t inode;

    LineDiscipline discipline;
    winsize size{};
    bool locked = true;
    bool packets = false;          // TIOCPKT
    std::uint8_t packet_news = 0;  // TIOCPKT_...
    std::uint32_t slaves = 0;      // open files
    bool slave_was_open = false;
    bool hung_up = false;  // the master is closed
    WaitQueue for_master, for_slaves;

private:
    std::int64_t set_settings(const TerminalSettings& settings, bool forget_input);
    std::int64_t resize(Address from);
    std::int64_t forget(int what, bool master);
    std::int64_t control_flow(int what);
};

class PseudoTerminals {
public:
    // Below are the host's, whose names are seen before a host's root.
    static constexpr std::uint32_t kFirstNumber = 1000, kMost = 4096;

    // A new one's master.
    Opened open_master(int flags);
    PseudoTerminal* find(std::uint32_t number) const;  // null: none
    void remove(const PseudoTerminal& terminal) { std::erase(all_, &terminal); }
    const std::vector<PseudoTerminal*>& all() const { return all_; }

private:
    std::vector<PseudoTerminal*> all_;  // as long as their masters are open
};

}  // namespace enclavisor::runtime
