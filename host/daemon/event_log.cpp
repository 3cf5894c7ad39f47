#include "host/daemon/event_log.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

namespace enclavisor::host {

std::string event_line(const char* event, const Json& members, bool json, std::int64_t unix_seconds) {
    const time_t seconds = unix_seconds;
    struct tm parts {};
    ::gmtime_r(&seconds, &parts);
    char time[32] = "";
    ::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &parts);
    constexpr auto kReplace = Json::error_handler_t::replace;
    if (json) {
        Json all = members;
        all["time"] = time;
        all["event"] = event;
        return all.dump(-1, ' ', false, kReplace) + "\n";
    }
    std::string text = fmt::format("{} {}", time, event);
    // As JSON writes them: no value can bring a line of its own.
    for (const auto& [name, value] : members.items())
        text += fmt::format(" {}={}", name, value.dump(-1, ' ', false, kReplace));
    return text + "\n";
}

void EventLog::say(const char* event, const Json& members) const {
    if (!out_) return;
    const std::string line = event_line(event, members, json_, ::time(nullptr));
    [[maybe_unused]] const ssize_t written = ::write(out_.get(), line.data(), line.size());
}

}  // namespace enclavisor::host
