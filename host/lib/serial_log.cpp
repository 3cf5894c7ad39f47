#include "host/lib/serial_log.hpp"

namespace enclavisor::host {

void SerialLog::append(std::string_view bytes) {
    std::lock_guard guard{mutex_};
    for (const char c : bytes) {
        if (c == '\n') {
            finish_line();
        } else if (c == '\t' || static_cast<unsigned char>(c) >= 0x20) {
            current_ += c == '\x7f' ? '?' : c;
            if (current_.size() >= kLongestLine) finish_line();
        }
    }
}

void SerialLog::finish_line() {
    if (current_.empty()) return;
    if (listener_) listener_(current_);
    lines_ += current_;
    lines_ += '\n';
    if (lines_.size() > kKeep) lines_.erase(0, lines_.find('\n', lines_.size() - kKeep / 2) + 1);
    last_ = std::move(current_);
    current_.clear();
}

std::string SerialLog::text() const {
    std::lock_guard guard{mutex_};
    return lines_ + current_;
}

std::string SerialLog::last_line() const {
    std::lock_guard guard{mutex_};
    return current_.empty() ? last_ : current_;
}

}  // namespace enclavisor::host
