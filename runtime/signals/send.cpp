// Who gets a signal. One that is sent to a process is given to a thread at
// once, so that the thread which is interrupted is the one that takes it.
#include <errno.h>
#include <signal.h>

#include "runtime/processes/end.hpp"
#include "runtime/signals/signals.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kIgnoredByDefault =
    signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(SIGWINCH) | signal_bit(SIGCONT);

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

void forget_everywhere(Process& process, std::uint64_t set) {
    for (; set != 0; set &= set - 1) {
        const int number = __builtin_ctzll(set) + 1;
        process.signals.pending().forget(number);
        system().threads.for_each(process, [&](Thread& thread) {
            thread.signals.pending().forget(number);
            look_at_signals(thread);
            return false;
        });
        process.timers.dropped(number);
    }
}

// What a signal does on arrival, whatever thread it goes to and whether it is blocked. True: that
// was all.
bool act_at_once(Process& process, int number) {
    if (number == SIGKILL) {
        kill_process(process, SIGKILL);
        return true;
    }
    if (signal_bit(number) & kStopSignals) forget_everywhere(process, signal_bit(SIGCONT));
    if (number == SIGCONT) {
        forget_everywhere(process, kStopSignals);
        continue_process(process);
    }
    return false;
}

enum class Sent { kWaits, kDropped, kNoRoom };

Sent queue_for(Thread& thread, const SignalInfo& info) {
    const std::uint64_t bit = signal_bit(info.number);
    const bool kept = (thread.signals.mask() | thread.signals.awaited()) & bit;
    if (!kept && thread.process->signals.ignores(info.number)) return Sent::kDropped;
    if (!thread.signals.pending().add(info)) return Sent::kNoRoom;
    notify(thread, info.number);
    system().signal_arrivals.notify(kReadable);
    return Sent::kWaits;
}

Sent send(Thread& thread, const SignalInfo& info) {
    return act_at_once(*thread.process, info.number) ? Sent::kDropped : queue_for(thread, info);
}

Sent send(Process& process, const SignalInfo& info) {
    if (process.zombie || act_at_once(process, info.number)) return Sent::kDropped;
    const std::uint64_t bit = signal_bit(info.number);
    SignalInfo marked = info;
    marked.padding |= kToProcess;
    Thread* chosen = nullptr;
    const bool here = this_thread().process == &process && this_thread().id != 0;
    if (here && wants(this_thread(), bit)) {
        chosen = &this_thread();
    } else {
        system().threads.for_each(process, [&](Thread& thread) {
            if (wants(thread, bit)) chosen = &thread;
            return chosen != nullptr;
        });
    }
    if (chosen != nullptr) return queue_for(*chosen, marked);
    if (!process.signals.pending().add(marked)) return Sent::kNoRoom;
    system().signal_arrivals.notify(kReadable);
    return Sent::kWaits;
}

std::int64_t result_of(Sent sent) {
    return sent == Sent::kNoRoom ? -EAGAIN : 0;
}

}  // namespace

bool Signals::ignores(int number) const {
    const std::uint64_t handler = action(number).handler;
    return handler == 1 || (handler == 0 && (signal_bit(number) & kIgnoredByDefault));
}

void Signals::clear_handlers() {
    for (int number = 1; number <= kSignalCount; number++) {
        SignalAction& present = action(number);
        present = {.handler = present.handler == 1 ? 1u : 0u, .flags = 0, .restorer = 0, .mask = 0};
    }
}

void look_at_signals(Thread& thread) {
    const Process& process = *thread.process;
    thread.set_work(kWorkSignal, thread.signals.ready() != 0 || process.stopped || has_to_end(thread));
}

std::int64_t send_to_thread(Thread& thread, const SignalInfo& info) {
    return result_of(send(thread, info));
}

std::int64_t raise_here(const SignalInfo& info) {
    return send_to_thread(this_thread(), info);
}

std::int64_t send_to_process(Process& process, const SignalInfo& info) {
    return result_of(send(process, info));
}

bool send_of_timer(Process& process, std::uint32_t id, const SignalInfo& info) {
    if (id == 0) return send(process, info) == Sent::kWaits;
    Thread* thread = system().threads.find(id);
    return thread != nullptr && thread->process == &process && send(*thread, info) == Sent::kWaits;
}

void pass_on_signals(Thread& thread, std::uint64_t set) {
    SignalInfo info;
    std::vector<SignalInfo> own;
    while (thread.signals.pending().take(set, info)) {
        if (info.padding & kToProcess) {
            send_to_process(*thread.process, info);
        } else {
            own.push_back(info);
        }
    }
    for (const SignalInfo& kept : own) thread.signals.pending().add(kept);
}

bool take_signal(std::uint64_t set, SignalInfo& info) {
    const bool taken =
        this_thread().signals.pending().take(set, info) || process().signals.pending().take(set, info);
    if (!taken) return false;
    set_signal_mask(this_thread().signals.mask());  // looks anew at what is ready
    process().timers.taken(info);
    info.padding = 0;
    return true;
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
    look_at_signals(thread);
}

void forget_signal(int number) {
    forget_everywhere(process(), signal_bit(number));
}

}  // namespace enclavisor::runtime
