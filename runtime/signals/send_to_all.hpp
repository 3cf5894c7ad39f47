// A signal to several processes. The lock is held.
#pragma once

#include <errno.h>

#include <vector>

#include "runtime/processes/process.hpp"
#include "runtime/signals/signals.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {

// `send(Process&)` for all for which `chosen` holds. 0 if one of them took it, or else the last one's
// error; -ESRCH: there are none.
template <typename Chosen, typename Send>
std::int64_t send_to_all(Chosen chosen, Send send) {
    bool taken = false;
    std::int64_t result = -ESRCH;
    std::vector<std::uint32_t> targets;  // a signal may change the table
    system().processes.for_each([&](const Process& each) {
        if (chosen(each)) targets.push_back(each.pid);
        return false;
    });
    for (const std::uint32_t pid : targets) {
        Process* target = system().processes.find(pid);
        if (target == nullptr) continue;
        result = send(*target);
        taken |= result == 0;
    }
    return taken ? 0 : result;
}

// From the terminal or for nobody's sake: nobody is asked whether he may.
inline std::int64_t send_to_group(std::uint32_t group, const SignalInfo& info) {
    return send_to_all([group](const Process& each) { return each.group == group; },
                       [&info](Process& target) { return send_to_process(target, info); });
}

}  // namespace enclavisor::runtime
