#include "runtime/processes/children.hpp"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "runtime/signals/send_to_all.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/sleep.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kNoChildStop = 1, kNoChildWait = 2;  // SA_NOCLDSTOP, SA_NOCLDWAIT

Process* parent_of(const Process& process) {
    Process* parent = system().processes.find(process.parent);
    return parent == nullptr || parent->zombie ? nullptr : parent;
}

void send_news(Process& parent, const Process& child, int number, int code, int value) {
    SignalInfo info{};
    info.number = number;
    info.code = code;
    info.sender.pid = static_cast<std::int32_t>(child.pid);
    info.sender.uid = child.uid;
    info.sender.value = static_cast<std::uint32_t>(value);
    send_to_process(parent, info);
}

void wake_waiting(const Process& parent) {
    system().threads.for_each(parent, [](Thread& thread) {
        if (thread.waits_for_child) wake(thread);
        return false;
    });
}

bool fits(const Process& child, const ChildChoice& choice) {
    if (choice.pid != 0 && child.pid != choice.pid) return false;
    if (choice.group != 0 && child.group != choice.group) return false;
    // Who does not send SIGCHLD is only found by who asks for it.
    const bool clone = child.exit_signal != SIGCHLD;
    return (choice.options & __WALL) || clone == ((choice.options & __WCLONE) != 0);
}

std::uint64_t time_of(const Process& process) {
    return system().clock.read(ClockKind::kMonotonic) - process.began + process.children_time;
}

// Whether something that was asked for is new of a child.
bool news_of(const Process& child, int options) {
    if (child.zombie) return options & WEXITED;
    if (child.news == kContinuedStatus) return options & WCONTINUED;
    return child.news != 0 && (options & WSTOPPED);
}

void take_news(Process& child, int options, ChildNews& news) {
    news.pid = child.pid;
    news.uid = child.uid;
    news.status = child.zombie ? child.status : child.news;
    news.time_used = time_of(child);
    if (options & WNOWAIT) return;
    child.news = 0;
    if (!child.zombie) return;
    process().children_time += news.time_used;
    system().processes.remove(child);
}

}  // namespace

void tell_parent_of_end(Process& process) {
    Process* parent = parent_of(process);
    if (parent == nullptr) {
        system().processes.remove(process);
        return;
    }
    const SignalAction& action = parent->signals.action(SIGCHLD);
    const bool unwanted =
        process.exit_signal == SIGCHLD && (action.handler == 1 || (action.flags & kNoChildWait));
    if (process.exit_signal != 0) {
        const int status = process.status;
        if (WIFEXITED(status)) {
            send_news(*parent, process, process.exit_signal, CLD_EXITED, WEXITSTATUS(status));
        } else {
            send_news(*parent, process, process.exit_signal, CLD_KILLED, WTERMSIG(status));
        }
    }
    if (unwanted) system().processes.remove(process);
    wake_waiting(*parent);
}

void tell_parent_of_stop(const Process& process, int code, int number) {
    Process* parent = parent_of(process);
    if (parent == nullptr) return;
    if (!(parent->signals.action(SIGCHLD).flags & kNoChildStop)) {
        send_news(*parent, process, SIGCHLD, code, number);
    }
    wake_waiting(*parent);
}

bool is_orphaned(std::uint32_t group) {
    return !system().processes.for_each([&](const Process& process) {
        if (process.group != group || process.zombie) return false;
        const Process* parent = parent_of(process);
        return parent != nullptr && parent->group != group && parent->session == process.session;
    });
}

std::vector<std::uint32_t> groups_kept_by(const Process& process) {
    std::vector<std::uint32_t> groups;
    const auto keeps = [](const Process& parent, const Process& child) {
        return parent.group != child.group && parent.session == child.session;
    };
    if (const Process* parent = parent_of(process); parent != nullptr && keeps(*parent, process)) {
        groups.push_back(process.group);
    }
    system().processes.for_each([&](const Process& child) {
        if (child.parent == process.pid && keeps(process, child)) groups.push_back(child.group);
        return false;
    });
    return groups;
}

void release_orphans(const std::vector<std::uint32_t>& groups) {
    for (const std::uint32_t group : groups) {
        const bool stopped = system().processes.for_each(
            [&](const Process& each) { return each.group == group && each.stopped; });
        if (!stopped || !is_orphaned(group)) continue;
        send_to_group(group, kernel_signal(SIGHUP));
        send_to_group(group, kernel_signal(SIGCONT));
    }
}

std::int64_t wait_for_child(const ChildChoice& choice, ChildNews& news) {
    Thread& thread = this_thread();
    const std::uint32_t self = process().pid;
    for (;;) {
        bool any = false;
        Process* found = nullptr;
        system().processes.for_each([&](Process& child) {
            if (child.parent != self || !fits(child, choice)) return false;
            any = true;
            if (news_of(child, choice.options)) found = &child;
            return found != nullptr;
        });
        if (found != nullptr) {
            take_news(*found, choice.options, news);
            return 0;
        }
        if (!any) return -ECHILD;
        if (choice.options & WNOHANG) return 0;
        thread.waits_for_child = true;
        const Slept slept = sleep(0);
        thread.waits_for_child = false;
        if (slept == Slept::kSignal) return restart_call();
    }
}

}  // namespace enclavisor::runtime
