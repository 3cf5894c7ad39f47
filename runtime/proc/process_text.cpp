// The text files of /proc/PID and /proc/PID/task/TID.
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>

#include "runtime/proc/proc_text.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kTick = 10'000'000;  // nanoseconds; USER_HZ is 100

struct Subject {
    Process& process;
    Thread* thread;  // null: a zombie
    bool of_thread;

    std::uint32_t id() const { return of_thread && thread != nullptr ? thread->id : process.pid; }
    const std::string& name() const { return thread != nullptr ? thread->name : process.last_name; }
};

std::uint64_t mapped_pages(const Process& p) {
    std::uint64_t pages = 0;
    for (const Area& area : p.memory->areas().all()) pages += area.range.size() / 4096;
    return pages;
}

bool sleeps(const Thread& thread) {
    return &thread != &this_thread() && (thread.asleep || thread.waits_at_host);
}

char state(const Subject& s) {
    if (s.process.zombie || s.thread == nullptr) return 'Z';
    if (s.process.stopped) return 'T';
    return sleeps(*s.thread) ? 'S' : 'R';
}

const char* state_text(char state) {
    switch (state) {
        case 'Z':
            return "Z (zombie)";
        case 'T':
            return "T (stopped)";
        case 'S':
            return "S (sleeping)";
        default:
            return "R (running)";
    }
}

std::string maps(const Subject& s) {
    const Process& p = s.process;
    std::string text;
    for (const Area& area : p.memory->areas().all()) {
        const std::size_t line = text.size();
        append_number(text, area.range.begin, 16, 8);
        text += '-';
        append_number(text, area.range.end, 16, 8);
        text += ' ';
        text += area.protection & PROT_READ ? 'r' : '-';
        text += area.protection & PROT_WRITE ? 'w' : '-';
        text += area.protection & PROT_EXEC ? 'x' : '-';
        text += area.kind == AreaKind::kSharedFile || area.kind == AreaKind::kShared ? "s " : "p ";
        append_number(text, area.offset, 16, 8);
        text += " 00:00 0";
        std::string_view name;
        switch (area.kind) {
            case AreaKind::kImage:
                name = p.executable;
                break;
            case AreaKind::kInterpreter:
                name = p.interpreter;
                break;
            case AreaKind::kHeap:
                name = "[heap]";
                break;
            case AreaKind::kStack:
                name = "[stack]";
                break;
            case AreaKind::kVdso:
                name = area.protection & PROT_EXEC ? "[vdso]" : "[vvar]";
                break;
            default:
                name = p.memory->name(area);
                break;
        }
        if (!name.empty()) {
            text.append(text.size() - line < 73 ? 73 - (text.size() - line) : 1, ' ');
            text += name;
        }
        text += '\n';
    }
    return text;
}

std::uint64_t handled(const Process& p, bool ignored) {
    std::uint64_t set = 0;
    for (int number = 1; number <= kSignalCount; number++) {
        const std::uint64_t handler = p.signals.action(number).handler;
        if (ignored ? handler == 1 : handler > 1) set |= signal_bit(number);
    }
    return set;
}

std::uint64_t time_used(const Process& p) {
    return system().clock.read(ClockKind::kMonotonic) - p.began;
}

std::string signed_text(int value) {
    return value < 0 ? join("-", -value) : join(value);
}

std::string stat_line(const Subject& s) {
    const Process& p = s.process;
    Terminal* const terminal = p.terminal.get();
    const std::uint64_t device = terminal != nullptr ? terminal->device() : 0;
    const char letter[2] = {state(s), 0};
    const std::uint64_t pages = mapped_pages(p);
    std::string text = join(s.id(), " (", s.name(), ") ", letter, " ", p.parent, " ", p.group, " ", p.session,
                            " ", device, " ");
    text += device != 0 ? join(terminal->foreground) : "-1";
    const Scheduling how = s.thread != nullptr ? s.thread->scheduling : Scheduling{};
    const bool real_time = how.priority != 0;
    text += join(" 4194304 0 0 0 0 ", p.zombie ? 0 : time_used(p) / kTick, " 0 ", p.children_time / kTick,
                 " 0 ", signed_text(real_time ? -1 - how.priority : 20 + how.nice), " ",
                 signed_text(how.nice), " ", p.thread_count, " 0 ", p.began / kTick, " ", pages * 4096, " ",
                 pages, " ", ~0ull, " 0 0 0 0 0 ");
    const ThreadSignals* signals = s.thread != nullptr ? &s.thread->signals : nullptr;
    const std::uint64_t blocked = signals != nullptr ? signals->mask() : 0;
    text += join("0 ", blocked & 0x7fffffff, " ", handled(p, true) & 0x7fffffff, " ",
                 handled(p, false) & 0x7fffffff, " 0 0 0 ", p.exit_signal, " 0 ", how.priority, " ",
                 how.policy, " 0 0 0 0 0 0 0 0 0 0 ", p.zombie ? p.status : 0, "\n");
    return text;
}

void append_mask(std::string& text, const char* name, std::uint64_t mask) {
    text += name;
    append_number(text, mask, 16, 16);
    text += '\n';
}

std::string status(const Subject& s) {
    Process& p = s.process;
    std::string text = join("Name:\t", s.name(), "\nUmask:\t");
    append_number(text, p.directory->umask, 8, 4);
    text += join("\nState:\t", state_text(state(s)), "\nTgid:\t", p.pid, "\nNgid:\t0\nPid:\t", s.id(),
                 "\nPPid:\t", p.parent, "\nTracerPid:\t0\nUid:\t", p.uid, "\t", p.euid, "\t", p.saved_uid,
                 "\t", p.fs_uid, "\nGid:\t", p.gid, "\t", p.egid, "\t", p.saved_gid, "\t", p.fs_gid,
                 "\nFDSize:\t", p.files->size(), "\nGroups:\t");
    for (const std::uint32_t group : p.groups) text += join(group, " ");
    text += join("\nNStgid:\t", p.pid, "\nNSpid:\t", s.id(), "\nNSpgid:\t", p.group, "\nNSsid:\t", p.session,
                 "\n");
    if (!p.zombie) {
        const std::uint64_t size = mapped_pages(p) * 4;
        text += join("VmPeak:\t", size, " kB\nVmSize:\t", size, " kB\nVmRSS:\t", size, " kB\n");
    }
    text += join("Threads:\t", p.thread_count, "\n");
    Thread* const thread = s.thread;
    append_mask(text, "SigPnd:\t", thread != nullptr ? thread->signals.pending().set() : 0);
    append_mask(text, "ShdPnd:\t", p.signals.pending().set());
    append_mask(text, "SigBlk:\t", thread != nullptr ? thread->signals.mask() : 0);
    append_mask(text, "SigIgn:\t", handled(p, true));
    append_mask(text, "SigCgt:\t", handled(p, false));
    append_mask(text, "CapInh:\t", p.capabilities.inheritable);
    append_mask(text, "CapPrm:\t", p.capabilities.permitted);
    append_mask(text, "CapEff:\t", p.capabilities.effective);
    append_mask(text, "CapBnd:\t", p.capabilities.bounding & kAllCapabilities);
    append_mask(text, "CapAmb:\t", 0);
    return text + join("NoNewPrivs:\t", p.no_new_privileges, "\nSeccomp:\t0\n");
}

std::string statm(const Subject& s) {
    const std::uint64_t pages = mapped_pages(s.process);
    return join(pages, " ", pages, " 0 0 0 0 0\n");
}

std::string limits(const Subject& s) {
    struct Named {
        int which;
        const char *name, *unit;
    };
    constexpr Named kLimits[] = {
        {RLIMIT_CPU, "Max cpu time", "seconds"},
        {RLIMIT_FSIZE, "Max file size", "bytes"},
        {RLIMIT_DATA, "Max data size", "bytes"},
        {RLIMIT_STACK, "Max stack size", "bytes"},
        {RLIMIT_CORE, "Max core file size", "bytes"},
        {RLIMIT_RSS, "Max resident set", "bytes"},
        {RLIMIT_NPROC, "Max processes", "processes"},
        {RLIMIT_NOFILE, "Max open files", "files"},
        {RLIMIT_MEMLOCK, "Max locked memory", "bytes"},
        {RLIMIT_AS, "Max address space", "bytes"},
        {RLIMIT_LOCKS, "Max file locks", "locks"},
        {RLIMIT_SIGPENDING, "Max pending signals", "signals"},
        {RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes"},
        {RLIMIT_NICE, "Max nice priority", ""},
        {RLIMIT_RTPRIO, "Max realtime priority", ""},
        {RLIMIT_RTTIME, "Max realtime timeout", "us"},
    };
    const auto column = [](std::string text, std::size_t width) {
        text.resize(std::max(text.size(), width), ' ');
        return text;
    };
    const auto number = [](rlim_t limit) {
        return limit == RLIM_INFINITY ? std::string{"unlimited"} : join(limit);
    };
    const auto line = [&](const char* name, const std::string& soft, const std::string& hard,
                          const char* unit) {
        return column(name, 26) + column(soft, 21) + column(hard, 21) + column(unit, *unit == 0 ? 0 : 10) +
               "\n";
    };
    std::string text = line("Limit", "Soft Limit", "Hard Limit", "Units");
    for (const Named& each : kLimits) {
        const rlimit& limit = s.process.limits[each.which];
        text += line(each.name, number(limit.rlim_cur), number(limit.rlim_max), each.unit);
    }
    return text;
}

struct File {
    std::string_view name;
    std::string (*text)(const Subject&);
};
constexpr File kFiles[] = {
    {"cgroup", [](const Subject&) { return std::string{"0::/\n"}; }},
    {"cmdline", [](const Subject& s) { return s.process.zombie ? std::string{} : s.process.arguments_text; }},
    {"comm", [](const Subject& s) { return s.name() + "\n"; }},
    {"environ",
     [](const Subject& s) { return s.process.zombie ? std::string{} : s.process.environment_text; }},
    {"limits", limits},
    {"maps", maps},
    {"stat", stat_line},
    {"statm", statm},
    {"status", status},
    {"mounts", [](const Subject&) { return proc_text("/proc/mounts"); }},
    {"oom_score_adj", [](const Subject&) { return std::string{"0\n"}; }},
    {"wchan", [](const Subject&) { return std::string{"0"}; }},
};

const File* find(std::string_view name) {
    for (const File& file : kFiles) {
        if (file.name == name) return &file;
    }
    return nullptr;
}

}  // namespace

bool has_process_text(std::string_view rest) {
    return find(rest) != nullptr;
}

std::string process_text(const ProcName& name) {
    return find(name.rest)->text({*name.process, name.thread, name.of_thread});
}

std::vector<std::string_view> process_text_names() {
    std::vector<std::string_view> names;
    for (const File& file : kFiles) names.push_back(file.name);
    return names;
}

}  // namespace enclavisor::runtime
