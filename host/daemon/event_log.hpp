// What a daemon tells about its life: a line for each event, for people or as JSON.
#pragma once

#include <string>

#include "host/daemon/wire.hpp"

namespace enclavisor::host {

class EventLog {
public:
    // Takes the descriptor; none: nothing is written.
    EventLog(Fd out, bool json) : out_{std::move(out)}, json_{json} {}

    // `members`: an object. Lines of several threads do not mix.
    void say(const char* event, const Json& members = Json::object()) const;

private:
    Fd out_;
    bool json_;
};

// One line with its end, UTF-8 whatever the members hold.
std::string event_line(const char* event, const Json& members, bool json, std::int64_t unix_seconds);

}  // namespace enclavisor::host
