#include "runtime/signals/outside.hpp"

#include <signal.h>

#include "abi/host/io_area.hpp"
#include "runtime/signals/signals.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {
namespace {

// Of the first I/O area, which all threads know.
std::uint64_t& outside() {
    return reinterpret_cast<abi::IoHeader*>(this_thread().block->io_address)->signals;
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
        send_to_process(info);  // too many of a real-time kind: dropped
    }
    return true;
}

}  // namespace enclavisor::runtime
