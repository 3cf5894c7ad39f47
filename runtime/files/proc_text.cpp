#include "runtime/files/proc_text.hpp"

#include <cpuid.h>
#include <sys/mman.h>

#include <cstring>

#include "runtime/processes/process.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kTicks = 100;  // USER_HZ

std::uint64_t mapped_pages() {
    std::uint64_t pages = 0;
    for (const Area& area : process().memory->areas().all()) pages += area.range.size() / 4096;
    return pages;
}

std::string maps() {
    std::string text;
    for (const Area& area : process().memory->areas().all()) {
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
                name = process().executable;
                break;
            case AreaKind::kInterpreter:
                name = process().interpreter;
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
                name = process().memory->name(area);
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

std::string stat_line() {
    const Process& p = process();
    const std::uint64_t ticks = system().clock.read(ClockKind::kProcess) * kTicks / kNanoseconds;
    std::string text =
        join(p.pid, " (", p.leader->name, ") R ", p.parent, " ", p.pid, " ", p.pid, " 0 -1 0 0 0 0 0 ", ticks,
             " 0 0 0 20 0 ", p.thread_count, " 0 0 ", mapped_pages() * 4096, " ", mapped_pages(), " ", ~0ull);
    for (int i = 26; i <= 52; i++) text += " 0";
    return text + "\n";
}

std::string status() {
    const Process& p = process();
    auto ids = [](std::uint32_t real, std::uint32_t effective) {
        return join(real, "\t", effective, "\t", effective, "\t", effective, "\n");
    };
    return join("Name:\t", p.leader->name, "\nState:\tR (running)\nTgid:\t", p.pid, "\nPid:\t", p.pid,
                "\nPPid:\t", p.parent, "\nTracerPid:\t0\nUid:\t", ids(p.uid, p.euid), "Gid:\t",
                ids(p.gid, p.egid), "VmSize:\t", mapped_pages() * 4, " kB\nVmRSS:\t", mapped_pages() * 4,
                " kB\nThreads:\t", p.thread_count, "\n");
}

std::string meminfo() {
    const std::uint64_t kib = process().memory->limit() / 1024;
    return join("MemTotal: ", kib, " kB\nMemFree: ", kib / 2, " kB\nMemAvailable: ", kib / 2,
                " kB\nBuffers: 0 kB\nCached: 0 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
}

std::string cpuinfo() {
    char brand[49]{};
    for (unsigned i = 0; i < 3; i++) {
        unsigned r[4]{};
        if (__get_cpuid_max(0x80000000, nullptr) >= 0x80000004)
            __cpuid(0x80000002 + i, r[0], r[1], r[2], r[3]);
        std::memcpy(brand + 16 * i, r, 16);
    }
    return join("processor\t: 0\nmodel name\t: ", static_cast<const char*>(brand), "\n\n");
}

std::string uptime() {
    const std::uint64_t hundredths = system().clock.read(ClockKind::kMonotonic) / 10'000'000;
    std::string text = join(hundredths / 100, ".");
    append_number(text, hundredths % 100, 10, 2);
    return text + " 0.00\n";
}

struct Generated {
    std::string_view path;
    std::string (*text)();
};
constexpr Generated kGenerated[] = {
    {"/proc/self/maps", maps},
    {"/proc/self/stat", stat_line},
    {"/proc/self/status", status},
    {"/proc/self/statm", [] { return join(mapped_pages(), " ", mapped_pages(), " 0 0 0 0 0\n"); }},
    {"/proc/self/cmdline", [] { return process().arguments_text; }},
    {"/proc/self/environ", [] { return process().environment_text; }},
    {"/proc/self/comm", [] { return process().leader->name + "\n"; }},
    {"/proc/meminfo", meminfo},
    {"/proc/cpuinfo", cpuinfo},
    {"/proc/uptime", uptime},
    {"/proc/stat", [] { return std::string{"cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n"}; }},
    {"/proc/loadavg", [] { return std::string{"0.00 0.00 0.00 1/1 1\n"}; }},
    {"/proc/sys/vm/overcommit_memory", [] { return std::string{"0\n"}; }},
    {"/sys/devices/system/cpu/online", [] { return std::string{"0\n"}; }},
    {"/sys/devices/system/cpu/possible", [] { return std::string{"0\n"}; }},
};

const Generated* find(std::string_view path) {
    for (const Generated& g : kGenerated) {
        if (g.path == path) return &g;
    }
    return nullptr;
}

}  // namespace

bool has_proc_text(std::string_view path) {
    return find(path) != nullptr;
}
std::string proc_text(std::string_view path) {
    return find(path)->text();
}

}  // namespace enclavisor::runtime
