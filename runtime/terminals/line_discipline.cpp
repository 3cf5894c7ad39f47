#include "runtime/terminals/line_discipline.hpp"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace enclavisor::runtime {
namespace {

constexpr std::size_t kMostTyped = 4095;
// What the reader's side holds, and what waits before it.
constexpr std::size_t kAtReader = 4095, kMostOutput = kAtReader + 8192;
constexpr std::size_t kMostEcho = kMostOutput + 4096;
constexpr std::size_t kTab = 8;

bool is_control(std::uint8_t byte) {
    return byte < 0x20 || byte == 0x7f;
}
bool is_word(std::uint8_t byte) {
    const std::uint8_t lower = byte | 0x20;
    return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'z') || byte == '_';
}
bool is_continuation(std::uint8_t byte) {  // of a character in UTF-8
    return (byte & 0xc0) == 0x80;
}

}  // namespace

LineDiscipline::LineDiscipline() : settings_{} {
    settings_.c_iflag = ICRNL | IXON;
    settings_.c_oflag = OPOST | ONLCR;
    settings_.c_cflag = B38400 | CS8 | CREAD;
    settings_.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    const std::pair<int, int> keys[] = {{VINTR, 'C'},    {VQUIT, '\\'},  {VKILL, 'U'}, {VEOF, 'D'},
                                        {VSTART, 'Q'},   {VSTOP, 'S'},   {VSUSP, 'Z'}, {VREPRINT, 'R'},
                                        {VDISCARD, 'O'}, {VWERASE, 'W'}, {VLNEXT, 'V'}};
    for (const auto& [key, letter] : keys) settings_.c_cc[key] = static_cast<cc_t>(letter & 0x1f);
    settings_.c_cc[VERASE] = 0x7f;
    settings_.c_cc[VMIN] = 1;
}

void LineDiscipline::set(const TerminalSettings& settings) {
    const tcflag_t changed = settings.c_lflag ^ settings_.c_lflag;
    settings_ = settings;
    if (changed & ICANON) {
        // What was typed is bytes from now on, or one line.
        for (std::uint16_t& byte : typed_) byte &= 0xff;
        line_ = lines() ? typed_.size() : 0;
        if (lines() && !typed_.empty()) typed_.back() |= kEnds;
        literal_ = false;
    }
    if (!input(IXON)) set_stopped(false);
}

// --- typing ------------------------------------------------------------------

bool LineDiscipline::is(std::uint8_t byte, int key) const {
    return byte != 0 && settings_.c_cc[key] == byte;
}

// A line that is too long loses its end, but can be ended.
bool LineDiscipline::can_type() const {
    return typed_.size() < kMostTyped || (lines() && line_ == 0);
}

std::size_t LineDiscipline::type(std::string_view bytes) {
    std::size_t done = 0;
    while (done < bytes.size() && can_type()) take(static_cast<std::uint8_t>(bytes[done++]));
    return done;
}

std::uint64_t LineDiscipline::take_signals() {
    return std::exchange(signals_, 0);
}

void LineDiscipline::take(std::uint8_t byte) {
    if (input(ISTRIP)) byte &= 0x7f;
    bool made_newline = false;
    if (!std::exchange(literal_, false)) {
        if (take_flow(byte) || take_signal(byte)) return;
        if (stopped_ && input(IXON) && input(IXANY)) set_stopped(false);
        if (byte == '\r') {
            if (input(IGNCR)) return;
            made_newline = input(ICRNL);
            if (made_newline) byte = '\n';
        } else if (byte == '\n' && input(INLCR)) {
            byte = '\r';
        }
        if (lines() && (take_editing(byte) || take_line_end(byte))) return;
    }
    if (typed_.size() >= kMostTyped - 1 && lines()) {
        if (input(IMAXBEL)) echo_raw('\a');
        return;
    }
    if (local(ECHO)) {
        if (made_newline) {
            echo_raw(byte);
        } else {
            if (typed_.size() == line_) line_column_ = column_;
            echo(byte);
        }
    }
    if (byte == 0xff && input(PARMRK)) add(byte);
    add(byte);
}

bool LineDiscipline::take_flow(std::uint8_t byte) {
    if (!input(IXON) || (!is(byte, VSTART) && !is(byte, VSTOP))) return false;
    set_stopped(!is(byte, VSTART));
    return true;
}

bool LineDiscipline::take_signal(std::uint8_t byte) {
    if (!local(ISIG)) return false;
    const int signal = is(byte, VINTR) ? SIGINT : is(byte, VQUIT) ? SIGQUIT : is(byte, VSUSP) ? SIGTSTP : 0;
    if (signal == 0) return false;
    interrupt(signal);
    if (input(IXON)) set_stopped(false);
    if (local(ECHO)) echo(byte);
    return true;
}

void LineDiscipline::interrupt(int signal) {
    signals_ |= 1ull << (signal - 1);
    if (local(NOFLSH)) return;
    forget_input();
    forget_output();
}

bool LineDiscipline::take_editing(std::uint8_t byte) {
    const bool extended = local(IEXTEN);
    if (is(byte, VERASE)) {
        erase(VERASE);
    } else if (is(byte, VKILL)) {
        erase(VKILL);
    } else if (extended && is(byte, VWERASE)) {
        erase(VWERASE);
    } else if (extended && is(byte, VLNEXT)) {
        literal_ = true;
        if (local(ECHO) && local(ECHOCTL)) {
            echo_raw('^');
            echo_raw('\b');
        }
    } else if (extended && local(ECHO) && is(byte, VREPRINT)) {
        echo(byte);
        echo_raw('\n');
        show_line();
    } else {
        return false;
    }
    return true;
}

bool LineDiscipline::take_line_end(std::uint8_t byte) {
    std::uint16_t end = byte | kEnds;
    if (byte == '\n') {
        if (local(ECHO) || local(ECHONL)) echo_raw(byte);
    } else if (is(byte, VEOF)) {
        end = kEnds | kHidden;
    } else if (is(byte, VEOL) || (is(byte, VEOL2) && local(IEXTEN))) {
        if (local(ECHO)) echo(byte);
    } else {
        return false;
    }
    typed_.push_back(end);
    line_ = typed_.size();
    return true;
}

void LineDiscipline::add(std::uint8_t byte) {
    typed_.push_back(byte);
}

void LineDiscipline::show_line() {
    for (std::size_t i = line_; i < typed_.size(); i++) echo(static_cast<std::uint8_t>(typed_[i]));
}

// VERASE: a character, VWERASE: a word, VKILL: all of the unfinished line.
void LineDiscipline::erase(int key) {
    if (key == VKILL && !(local(ECHO) && local(ECHOK) && local(ECHOKE) && local(ECHOE))) {
        if (typed_.size() == line_) return;
        typed_.resize(line_);
        if (!local(ECHO)) return;
        echo(settings_.c_cc[VKILL]);
        if (local(ECHOK)) echo_raw('\n');
        return;
    }
    bool in_word = false;
    while (typed_.size() > line_) {
        std::size_t first = typed_.size() - 1;
        while (input(IUTF8) && first > line_ && is_continuation(static_cast<std::uint8_t>(typed_[first])))
            first--;
        const auto byte = static_cast<std::uint8_t>(typed_[first]);
        if (key == VWERASE) {
            if (is_word(byte))
                in_word = true;
            else if (in_word)
                return;
        }
        typed_.resize(first);
        if (local(ECHO)) {
            if (key == VERASE && !local(ECHOE))
                echo(settings_.c_cc[VERASE]);
            else
                erase_shown(byte);
        }
        if (key == VERASE) return;
    }
}

// Takes the last character of the line, which is not among the typed ones any more, off the screen.
void LineDiscipline::erase_shown(std::uint8_t byte) {
    if (byte == '\t') {
        for (std::size_t width = kTab - column_before_tab() % kTab; width > 0; width--) {
            put('\b');
            if (column_ > 0) column_--;
        }
        return;
    }
    for (std::size_t width = width_of(byte); width > 0; width--) {
        echo_raw('\b');
        echo_raw(' ');
        echo_raw('\b');
    }
}

std::size_t LineDiscipline::width_of(std::uint8_t byte) const {
    if (is_control(byte)) return local(ECHOCTL) ? 2 : 0;
    return input(IUTF8) && is_continuation(byte) ? 0 : 1;
}

// Of a tab that stood after what is typed; counted from the tab before it, if there is one.
std::size_t LineDiscipline::column_before_tab() const {
    std::size_t column = 0;
    for (std::size_t i = typed_.size(); i > line_; i--) {
        const auto byte = static_cast<std::uint8_t>(typed_[i - 1]);
        if (byte == '\t') return column;
        column += width_of(byte);
    }
    return line_column_ + column;
}

// --- reading -----------------------------------------------------------------

bool LineDiscipline::readable() const {
    return available() > 0;
}

std::size_t LineDiscipline::bytes_readable() const {
    const auto end = typed_.begin() + static_cast<std::ptrdiff_t>(available());
    return static_cast<std::size_t>(
        std::count_if(typed_.begin(), end, [](std::uint16_t byte) { return !(byte & kHidden); }));
}

bool LineDiscipline::ready() const {
    const std::size_t least = lines() || settings_.c_cc[VTIME] != 0 ? 1 : settings_.c_cc[VMIN];
    return available() >= std::max<std::size_t>(least, 1);
}

std::size_t LineDiscipline::read(char* to, std::size_t size) {
    const std::size_t most = std::min(size, available());
    std::size_t taken = 0, given = 0;
    while (taken < most) {
        const std::uint16_t byte = typed_[taken++];
        if (!(byte & kHidden)) to[given++] = static_cast<char>(byte);
        if (byte & kEnds) break;
    }
    typed_.erase(typed_.begin(), typed_.begin() + static_cast<std::ptrdiff_t>(taken));
    if (lines()) line_ -= taken;
    return given;
}

void LineDiscipline::forget_input() {
    typed_.clear();
    line_ = 0;
    literal_ = false;
}

// --- output --------------------------------------------------------------------

std::size_t LineDiscipline::room() const {
    return stopped_ || output_.size() >= kMostOutput ? 0 : kMostOutput - output_.size();
}

std::size_t LineDiscipline::write(std::string_view bytes) {
    std::size_t done = 0;
    // One byte may become a tab's worth.
    for (; done < bytes.size() && room() >= kTab; done++) show(static_cast<std::uint8_t>(bytes[done]));
    return done;
}

void LineDiscipline::show(std::uint8_t byte) {
    const auto output = [&](tcflag_t flag) { return (settings_.c_oflag & flag) != 0; };
    if (output(OPOST)) {
        switch (byte) {
            case '\n':
                if (output(ONLCR)) put('\r');
                if (output(ONLCR) || output(ONLRET)) column_ = 0;
                line_column_ = column_;
                break;
            case '\r':
                if (output(ONOCR) && column_ == 0) return;
                if (output(OCRNL)) byte = '\n';
                if (!output(OCRNL) || output(ONLRET)) line_column_ = column_ = 0;
                break;
            case '\t': {
                const std::size_t width = kTab - column_ % kTab;
                column_ += width;
                if ((settings_.c_oflag & TABDLY) != XTABS) break;
                for (std::size_t i = 0; i < width; i++) put(' ');
                return;
            }
            case '\b':
                if (column_ > 0) column_--;
                break;
            default:
                if (output(OLCUC) && byte >= 'a' && byte <= 'z') byte -= 'a' - 'A';
                if (!is_control(byte) && !(input(IUTF8) && is_continuation(byte))) column_++;
                break;
        }
    }
    put(byte);
}

void LineDiscipline::put(std::uint8_t byte) {
    (stopped_ ? held_ : output_) += static_cast<char>(byte);
}

void LineDiscipline::echo_raw(std::uint8_t byte) {
    if (output_.size() + held_.size() < kMostEcho) show(byte);
}

void LineDiscipline::echo(std::uint8_t byte) {
    if (!local(ECHOCTL) || !is_control(byte) || byte == '\t') return echo_raw(byte);
    if (output_.size() + held_.size() >= kMostEcho) return;
    put('^');
    put(byte ^ 0x40);
    column_ += 2;
}

// What the reader's side has already got stays there.
void LineDiscipline::forget_output() {
    if (output_.size() > kAtReader) output_.resize(kAtReader);
    held_.clear();
}

void LineDiscipline::set_stopped(bool stopped) {
    stopped_ = stopped;
    if (!stopped) output_ += std::exchange(held_, {});
}

}  // namespace enclavisor::runtime
