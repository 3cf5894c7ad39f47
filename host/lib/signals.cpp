#include "host/lib/signals.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <strings.h>

#include <charconv>
#include <cstring>

#include "abi/host/io_area.hpp"

namespace enclavisor::host {
namespace {

constexpr int kLastSignal = 64;

}  // namespace

Result<int> parse_signal(const std::string& text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_number = error == std::errc{} && end == text.data() + text.size();
    if (is_number && number >= 1 && number <= kLastSignal) return number;
    const char* name = text.c_str();
    if (::strncasecmp(name, "SIG", 3) == 0) name += 3;
    for (int i = 1; !is_number && i <= kLastSignal; i++) {
        const char* known = ::sigabbrev_np(i);
        if (known != nullptr && ::strcasecmp(known, name) == 0) return i;
    }
    return fail(fmt::format("'{}' is no signal", text), "use a name like TERM or INT, or 1 to 64");
}

std::string signal_name(int number) {
    const char* known = ::sigabbrev_np(number);
    return known != nullptr ? fmt::format("SIG{}", known) : fmt::format("signal {}", number);
}

Result<void> check_signal(int number) {
    if (number >= 1 && number <= kLastSignal && (abi::kHostSignals >> (number - 1) & 1)) return {};
    const std::string name = signal_name(number);
    switch (number) {
        case SIGKILL:
            return fail("SIGKILL is no signal to the program", "end its enclave");
        case SIGSTOP:
            return fail("SIGSTOP is no signal to the program", "pause its enclave");
        default:
            return fail(fmt::format("a program takes no {} from outside", name),
                        "only its own faults send it that");
    }
}

}  // namespace enclavisor::host
