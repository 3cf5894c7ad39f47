#include "runtime/processes/end.hpp"

#include <signal.h>
#include <sys/wait.h>

#include "runtime/processes/children.hpp"
#include "runtime/processes/requested.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/robust_list.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint32_t kInit = 1;  // whose children orphans become; it has no process

void interrupt_threads(const Process& process) {
    system().threads.for_each(process, [](Thread& thread) {
        if (&thread == &this_thread()) return false;
        thread.set_work(kWorkSignal, true);
        kernel_call(abi::Call::kInterrupt, thread.number);
        return false;
    });
}

// Nothing of the enclave is left to run: it ends as its first process did.
[[noreturn]] void end_with_first() {
    system().finish();
    const int status = system().first_status;
    if (WIFSIGNALED(status)) {
        end_enclave(abi::EndReason::kSignal, static_cast<std::uint64_t>(WTERMSIG(status)));
    }
    end_enclave(abi::EndReason::kExited, static_cast<std::uint64_t>(WEXITSTATUS(status)));
}

void note_status(Process& process) {
    tell_requester(process);
    if (&process != system().first) return;
    system().first_status = process.status;
    system().first = nullptr;
}

// Whether nothing is left to do but to end the enclave.
bool ends_all(const Process& process) {
    return system().processes.living() == 1 && !process.channel;
}

// Whose children those of the process become.
std::uint32_t reaper_for(const Process& process) {
    const Process* above = system().processes.find(process.parent);
    while (above != nullptr && (above->zombie || above->dying || !above->is_subreaper)) {
        above = system().processes.find(above->parent);
    }
    return above == nullptr ? kInit : above->pid;
}

void give_away_children(Process& process) {
    const std::uint32_t reaper = reaper_for(process);
    std::vector<Process*> ended, bereft;
    system().processes.for_each([&](Process& child) {
        if (child.parent != process.pid) return false;
        child.parent = reaper;
        child.exit_signal = SIGCHLD;
        if (child.zombie) ended.push_back(&child);
        if (!child.zombie && child.death_signal != 0) bereft.push_back(&child);
        return false;
    });
    for (Process* child : bereft) {
        SignalInfo info{};
        info.number = child->death_signal;
        info.code = SI_USER;
        info.sender.pid = static_cast<std::int32_t>(process.pid);
        info.sender.uid = process.uid;
        send_to_process(*child, info);
    }
    for (Process* child : ended) tell_parent_of_end(*child);  // it may be gone afterwards
}

// The process gives up all that it has. The lock is released meanwhile.
void give_up_all(Process& process) {
    process.timers.remove_all();
    release_vfork_parent(process);
    system().locks.ended(process);
    const Ref<Descriptors> files = std::exchange(process.files, make_ref<Descriptors>());
    process.memory->write_back({0, ~0ull});
    const Ref<Memory> memory = std::exchange(process.memory, make_ref<Memory>(0, 0));
    const Ref<Directory> directory =
        std::exchange(process.directory, make_ref<Directory>(std::string{"/"}, 0));
}

[[noreturn]] void end_process(Thread& thread) {
    Process& process = *thread.process;
    if (ends_all(process)) {
        note_status(process);
        end_with_first();
    }
    give_up_all(process);
    const std::vector<std::uint32_t> groups = groups_kept_by(process);
    give_away_children(process);
    note_status(process);
    system().processes.ended();
    if (system().processes.living() == 0) end_with_first();
    process.zombie = true;
    give_up_terminal(process, true);
    release_orphans(groups);
    process.last_name = process.leader->name;
    system().threads.leave(process);
    tell_parent_of_end(process);  // it may be gone afterwards
    system().threads.exit();
}

// The calling thread is done with everything but itself.
[[noreturn]] void end_thread() {
    Thread& thread = this_thread();
    Process& process = *thread.process;
    release_robust_list(thread);
    clear_child_id(thread);
    // The lock may have been released: the last one out decides.
    if (process.thread_count-- == 1) end_process(thread);
    pass_on_signals(thread, thread.signals.pending().set());
    if (process.executing != nullptr) wake(*process.executing);
    system().threads.exit();
}

}  // namespace

bool has_to_end(const Thread& thread) {
    const Process& process = *thread.process;
    return process.dying || (process.executing != nullptr && process.executing != &thread);
}

void exit_thread(int code) {
    Process& process = runtime::process();
    if (&this_thread() == process.leader && !process.dying) process.status = exit_status(code);
    end_thread();
}

void exit_process(int status) {
    Process& process = runtime::process();
    if (!process.dying) {
        process.status = status;
        // The usual case: with it all ends.
        if (ends_all(process)) {
            note_status(process);
            end_with_first();
        }
        kill_process(process, status);
    }
    end_thread();
}

void kill_process(Process& process, int status) {
    if (process.dying || process.zombie) return;
    process.dying = true;
    process.stopped = false;
    process.status = status;
    if (this_thread().process == &process) this_thread().set_work(kWorkSignal, true);
    interrupt_threads(process);
}

void stop_process(Process& process, int signal) {
    if (process.stopped || process.dying) return;
    process.stopped = true;
    process.news = stop_status(signal);
    interrupt_threads(process);
    tell_parent_of_stop(process, CLD_STOPPED, signal);
}

void continue_process(Process& process) {
    if (!process.stopped) return;
    process.stopped = false;
    process.news = kContinuedStatus;
    interrupt_threads(process);
    tell_parent_of_stop(process, CLD_CONTINUED, SIGCONT);
}

bool become_only_thread() {
    Thread& thread = this_thread();
    Process& process = *thread.process;
    if (has_to_end(thread)) return false;
    process.executing = &thread;
    interrupt_threads(process);
    sleep_deeply([&] { return process.thread_count == 1; });
    process.executing = nullptr;
    return !process.dying;
}

void obey() {
    Thread& thread = this_thread();
    for (;;) {
        if (has_to_end(thread)) end_thread();
        if (!thread.process->stopped) return;
        sleep_deeply([&] { return !thread.process->stopped; });
    }
}

void release_vfork_parent(Process& process) {
    Thread* parent = std::exchange(process.vfork_parent, nullptr);
    if (parent == nullptr) return;
    parent->waits_for_exec = false;
    wake(*parent);
}

}  // namespace enclavisor::runtime
