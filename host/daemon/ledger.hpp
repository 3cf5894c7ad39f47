// What a daemon counts over its life, and tells in its log.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "host/daemon/event_log.hpp"

namespace enclavisor::host {

struct Totals {
    std::uint64_t started = 0, refused = 0;
    std::map<std::string, std::uint64_t> ended;  // by reason
    std::uint64_t ticks = 0, calls = 0;          // of those that have ended
};

class Ledger {
public:
    explicit Ledger(EventLog log) : log_{std::move(log)} {}

    // `about`: Resident::describe().
    void started(const Json& about);
    void refused(const Json& about);
    void ended(const Json& about, const std::string& reason, std::uint64_t ticks, std::uint64_t calls);
    void say(const char* event, const Json& members = Json::object()) const { log_.say(event, members); }

    Totals totals() const;

private:
    const EventLog log_;
    mutable std::mutex mutex_;
    Totals totals_;
};

}  // namespace enclavisor::host
