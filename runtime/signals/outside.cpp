#include "runtime/signals/outside.hpp"

#include <signal.h>

#include "abi/host/io_area.hpp"
#include "runtime/processes/requested.hpp"
#include "runtime/signals/send_to_all.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {
namespace {

// Of the first I/O area, which all threads know.
std::uint64_t& outside() {
    return reinterpret_cast<abi::IoHeader*>(this_thread().block->io_address)->signals;
}

// What a terminal sends is for its foreground group (and if it is gone for its session's leader, too),
// everything else for the first process; for all, when that has ended. Too many of a real-time
// kind are dropped.
void deliver(const SignalInfo& info) {
    constexpr std::uint64_t kOfTerminal =
        signal_bit(SIGINT) | signal_bit(SIGQUIT) | signal_bit(SIGHUP) | signal_bit(SIGWINCH);
    const Process* first = system().first;
    const std::uint32_t foreground = system().host_terminal->foreground;
    const auto send = [&](Process& target) { return send_to_process(target, info); };
    if (foreground != 0 && (signal_bit(info.number) & kOfTerminal)) {
        const auto hears = [&](const Process& each) {
            return each.group == foreground || (info.number == SIGHUP && &each == first);
        };
        if (send_to_all(hears, send) != -ESRCH) return;
    }
    send_to_all([&](const Process& each) { return first == nullptr || &each == first; }, send);
}

}  // namespace

bool signals_wait_outside() {
    return __atomic_load_n(&outside(), __ATOMIC_RELAXED) != 0 || request_waits();
}

bool take_signals_from_outside() {
    if (!signals_wait_outside()) return false;
    take_request();
    std::uint64_t set = __atomic_exchange_n(&outside(), 0, __ATOMIC_ACQ_REL) & abi::kHostSignals;
    for (; set != 0; set &= set - 1) {
        SignalInfo info{};  // from nobody in here: the sender's number is 0
        info.number = __builtin_ctzll(set) + 1;
        info.code = SI_USER;
        deliver(info);
    }
    return true;
}

}  // namespace enclavisor::runtime
