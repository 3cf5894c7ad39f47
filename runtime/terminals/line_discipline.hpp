// Between who types and who reads: lines that can be edited, echo, keys that are signals,
// and what becomes of written newlines (termios(3)). Knows neither files nor processes.
#pragma once

#include <asm/termbits.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace enclavisor::runtime {

using TerminalSettings = ::termios;  // the kernel's, not libc's
static_assert(sizeof(TerminalSettings) == 36);

class LineDiscipline {
public:
    LineDiscipline();

    const TerminalSettings& settings() const { return settings_; }
    void set(const TerminalSettings& settings);

    // Takes what is typed, as far as there is room: how many bytes.
    std::size_t type(std::string_view bytes);
    bool can_type() const;
    // The signals that were typed since the last time: bit n - 1.
    std::uint64_t take_signals();

    // Whether read() has something to say, if it be the end of the input.
    bool readable() const;
    // The same for poll(2), which waits for VMIN bytes.
    bool ready() const;
    // A line, or what is there: how many bytes; 0: the end.
    std::size_t read(char* to, std::size_t size);
    bool lines() const { return settings_.c_lflag & ICANON; }
    std::size_t bytes_readable() const;  // FIONREAD

    // Writes what fits: how many bytes.
    std::size_t write(std::string_view bytes);
    std::size_t room() const;
    // What was written and echoed, to be shown.
    const std::string& output() const { return output_; }
    void drop_output(std::size_t size) { output_.erase(0, size); }

    void forget_input();
    void forget_output();
    // Output goes on, or waits (TCXONC, Ctrl-Q and Ctrl-S).
    void set_stopped(bool stopped);
    bool stopped() const { return stopped_; }
    void interrupt(int signal);

private:
    // A typed byte and what it is in its line.
    static constexpr std::uint16_t kEnds = 0x100;    // the last one
    static constexpr std::uint16_t kHidden = 0x200;  // ends the line without being of it

    std::size_t available() const { return lines() ? line_ : typed_.size(); }
    bool is(std::uint8_t byte, int key) const;
    bool local(tcflag_t flag) const { return settings_.c_lflag & flag; }
    bool input(tcflag_t flag) const { return settings_.c_iflag & flag; }
    void take(std::uint8_t byte);
    bool take_flow(std::uint8_t byte);
    bool take_signal(std::uint8_t byte);
    bool take_editing(std::uint8_t byte);
    bool take_line_end(std::uint8_t byte);
    void add(std::uint8_t byte);
    void erase(int key);
    void erase_shown(std::uint8_t byte);
    void show_line();
    std::size_t column_before_tab() const;
    std::size_t width_of(std::uint8_t byte) const;

    void echo(std::uint8_t byte);  // control characters as ^X
    void echo_raw(std::uint8_t byte);
    void show(std::uint8_t byte);  // with what c_oflag makes of it
    void put(std::uint8_t byte);

    TerminalSettings settings_;
    std::vector<std::uint16_t> typed_;
    std::size_t line_ = 0;  // where the line that is not ended begins
    bool literal_ = false;  // the next byte has no meaning
    bool stopped_ = false;
    std::uint64_t signals_ = 0;
    std::string output_, held_;  // what is echoed meanwhile
    std::size_t column_ = 0;
    std::size_t line_column_ = 0;  // where its echo began
};

}  // namespace enclavisor::runtime
