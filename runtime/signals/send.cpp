// Who gets a signal. One that is sent to the process is given to a thread at
// once, so that the thread which is interrupted is the one that takes it.
#include <errno.h>
#include <signal.h>

#include "runtime/process.hpp"
#include "runtime/signals/signals.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

// SignalInfo::padding while a signal waits: it was sent to the process.
constexpr std::int32_t kToProcess = 1;

bool ignored_by_default(int number) {
    return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT;
}

// Makes a thread see what waits for it now.
void notify(Thread& thread, int number) {
    ThreadSignals& signals = thread.signals;
    if (signals.awaited() & signal_bit(number)) wake(thread);
    if (signals.mask() & signal_bit(number)) return;
    thread.set_work(kWorkSignal, true);
    if (&thread != &this_thread()) kernel_call(abi::Call::kInterrupt, thread.number);
}

bool wants(const Thread& thread, std::uint64_t bit) {
    return !(thread.signals.mask() & bit) || (thread.signals.awaited() & bit);
}

}  // namespace

bool Signals::ignores(int number) const {
    const std::uint64_t handler = actions_[number - 1].handler;
    return handler == 1 || (handler == 0 && ignored_by_default(number));
}

std::int64_t send_to_thread(Thread& thread, const SignalInfo& info) {
    const std::uint64_t bit = signal_bit(info.number);
    const bool kept = (thread.signals.mask() | thread.signals.awaited()) & bit;
    if (!kept && process().signals.ignores(info.number)) return 0;
    if (!thread.signals.pending().add(info)) return -EAGAIN;
    notify(thread, info.number);
    process().signals.arrivals().notify(kReadable);
    return 0;
}

std::int64_t raise_here(const SignalInfo& info) {
    return send_to_thread(this_thread(), info);
}

std::int64_t send_to_process(const SignalInfo& info) {
    const std::uint64_t bit = signal_bit(info.number);
    SignalInfo marked = info;
    marked.padding = kToProcess;
    Threads& threads = process().threads;
    Thread* chosen = nullptr;
    if (this_thread().id != 0 && wants(this_thread(), bit)) {
        chosen = &this_thread();
    } else {
        threads.for_each([&](Thread& thread) {
            if (wants(thread, bit)) chosen = &thread;
            return chosen != nullptr;
        });
    }
    if (chosen != nullptr) return send_to_thread(*chosen, marked);
    if (!process().signals.pending().add(marked)) return -EAGAIN;
    process().signals.arrivals().notify(kReadable);
    return 0;
}

void pass_on_signals(Thread& thread, std::uint64_t set) {
    SignalInfo info;
    std::vector<SignalInfo> own;
    while (thread.signals.pending().take(set, info)) {
        if (info.padding == kToProcess) {
            send_to_process(info);
        } else {
            own.push_back(info);
        }
    }
    for (const SignalInfo& kept : own) thread.signals.pending().add(kept);
}

bool take_signal(std::uint64_t set, SignalInfo& info) {
    const bool taken =
        this_thread().signals.pending().take(set, info) || process().signals.pending().take(set, info);
    if (taken) set_signal_mask(this_thread().signals.mask());  // looks anew at what is ready
    info.padding = 0;
    return taken;
}

void set_signal_mask(std::uint64_t mask) {
    Thread& thread = this_thread();
    const std::uint64_t blocked = mask & ~thread.signals.mask();
    const std::uint64_t opened = thread.signals.mask() & ~mask;
    thread.signals.set_mask(mask);
    if (thread.signals.pending().set() & blocked) pass_on_signals(thread, blocked);
    if (process().signals.pending().set() & opened) {
        SignalInfo info;
        while (process().signals.pending().take(opened, info)) thread.signals.pending().add(info);
    }
    thread.set_work(kWorkSignal, thread.signals.ready() != 0);
}

void forget_signal(int number) {
    process().signals.pending().forget(number);
    process().threads.for_each([&](Thread& thread) {
        thread.signals.pending().forget(number);
        thread.set_work(kWorkSignal, thread.signals.ready() != 0);
        return false;
    });
}

}  // namespace enclavisor::runtime
