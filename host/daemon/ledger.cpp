#include "host/daemon/ledger.hpp"

namespace enclavisor::host {
namespace {

Json chosen(const Json& about, std::initializer_list<const char*> names) {
    Json members = Json::object();
    for (const char* name : names) {
        if (about.contains(name)) members[name] = about[name];
    }
    return members;
}

}  // namespace

void Ledger::started(const Json& about) {
    {
        std::lock_guard guard{mutex_};
        totals_.started++;
    }
    say("started", chosen(about, {"id", "name", "measurement"}));
}

void Ledger::refused(const Json& about) {
    {
        std::lock_guard guard{mutex_};
        totals_.refused++;
    }
    say("refused", chosen(about, {"id", "name", "exit_code", "ending"}));
}

void Ledger::ended(const Json& about, const std::string& reason, std::uint64_t ticks, std::uint64_t calls) {
    {
        std::lock_guard guard{mutex_};
        totals_.ended[reason]++;
        totals_.ticks += ticks;
        totals_.calls += calls;
    }
    Json members = chosen(about, {"id", "name", "exit_code", "ending", "cpu_seconds", "calls"});
    members["reason"] = reason;
    say("ended", members);
}

Totals Ledger::totals() const {
    std::lock_guard guard{mutex_};
    return totals_;
}

}  // namespace enclavisor::host
