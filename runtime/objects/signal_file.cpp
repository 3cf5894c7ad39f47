#include "runtime/objects/signal_file.hpp"

#include <signal.h>
#include <sys/signalfd.h>

#include "runtime/processes/process.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {
namespace {

signalfd_siginfo describe(const SignalInfo& info) {
    signalfd_siginfo result{};
    result.ssi_signo = static_cast<std::uint32_t>(info.number);
    result.ssi_errno = info.error;
    result.ssi_code = info.code;
    result.ssi_pid = static_cast<std::uint32_t>(info.sender.pid);
    result.ssi_uid = info.sender.uid;
    result.ssi_int = static_cast<std::int32_t>(info.sender.value);
    result.ssi_ptr = info.sender.value;
    if (info.code == SI_TIMER) {
        result.ssi_pid = result.ssi_uid = 0;
        result.ssi_tid = static_cast<std::uint32_t>(info.timer.id);
        result.ssi_overrun = static_cast<std::uint32_t>(info.timer.overruns);
    }
    return result;
}

}  // namespace

void SignalFile::set(std::uint64_t signals) {
    set_ = signals;
    queue()->notify(POLLIN);
}

WaitQueue* SignalFile::queue() {
    return &system().signal_arrivals;
}

short SignalFile::readiness() {
    const std::uint64_t waiting = this_thread().signals.pending().set() | process().signals.pending().set();
    return waiting & set_ ? POLLIN : short{0};
}

std::int64_t SignalFile::take(const Buffers& to) {
    signalfd_siginfo record;
    SignalInfo info;
    std::uint64_t done = 0;
    if (to.size() < sizeof(record)) return -EINVAL;
    while (done + sizeof(record) <= to.size() && take_signal(set_, info)) {
        record = describe(info);
        if (!to.write(done, &record, sizeof(record))) return -EFAULT;
        done += sizeof(record);
    }
    return done > 0 ? static_cast<std::int64_t>(done) : -EAGAIN;
}

}  // namespace enclavisor::runtime
