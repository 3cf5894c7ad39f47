#include "runtime/signals/outside.hpp"

#include <signal.h>

#include "abi/host/io_area.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/signals/signals.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {
namespace {

// Of the first I/O area, which all threads know.
std::uint64_t& outside() {
    return reinterpret_cast<abi::IoHeader*>(this_thread().block->io_address)->signals;
}

// What a terminal sends is for the first process's group, everything else for that process; for all,
// when it has ended. Too many of a real-time kind are dropped.
void deliver(const SignalInfo& info) {
    constexpr std::uint64_t kOfTerminal =
        signal_bit(SIGINT) | signal_bit(SIGQUIT) | signal_bit(SIGHUP) | signal_bit(SIGWINCH);
    const Process* first = system().first;
    const bool to_group = signal_bit(info.number) & kOfTerminal;
    std::vector<std::uint32_t> chosen;  // a signal may change the table
    system().processes.for_each([&](const Process& each) {
        if (first == nullptr || &each == first || (to_group && each.group == first->group)) {
            chosen.push_back(each.pid);
        }
        return false;
    });
    for (const std::uint32_t pid : chosen) {
        if (Process* process = system().processes.find(pid)) send_to_process(*process, info);
    }
}

}  // namespace

bool signals_wait_outside() {
    return __atomic_load_n(&outside(), __ATOMIC_RELAXED) != 0;
}

bool take_signals_from_outside() {
    if (!signals_wait_outside()) return false;
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
