// Collects what the kernel prints on its serial port and QEMU on its standard
// error. Untrusted text: control characters are dropped, its amount is bounded.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace enclavisor::host {

class SerialLog {
public:
    static constexpr std::size_t kKeep = 1 << 20;  // bytes
    static constexpr std::size_t kLongestLine = 4096;

    using Listener = std::function<void(const std::string& line)>;
    explicit SerialLog(Listener listener = {}) : listener_{std::move(listener)} {}

    void append(std::string_view bytes);
    std::string text() const;       // the newest kKeep bytes, whole lines
    std::string last_line() const;  // newest line that is not blank, finished or not

private:
    void finish_line();

    mutable std::mutex mutex_;
    Listener listener_;
    std::string lines_;
    std::string last_;
    std::string current_;
};

}  // namespace enclavisor::host
