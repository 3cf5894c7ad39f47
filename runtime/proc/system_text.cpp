#include <cpuid.h>

#include <cstring>

#include "runtime/proc/proc_text.hpp"
#include "runtime/support/random.hpp"
#include "runtime/support/release.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

// As sched_getaffinity says.
constexpr unsigned kProcessors = 1;

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
    std::string text;
    for (unsigned i = 0; i < kProcessors; i++) {
        text += join("processor\t: ", i, "\nmodel name\t: ", static_cast<const char*>(brand), "\n\n");
    }
    return text;
}

std::string processors_online() {
    return kProcessors == 1 ? "0\n" : join("0-", kProcessors - 1, "\n");
}

std::string uptime() {
    const std::uint64_t hundredths = system().clock.read(ClockKind::kMonotonic) / 10'000'000;
    std::string text = join(hundredths / 100, ".");
    append_number(text, hundredths % 100, 10, 2);
    return text + " 0.00\n";
}

std::string stat() {
    const auto wall = static_cast<std::uint64_t>(system().clock.now(ClockKind::kWall).tv_sec);
    const std::uint64_t up = system().clock.read(ClockKind::kMonotonic) / kNanoseconds;
    std::string text = "cpu  0 0 0 0 0 0 0 0 0 0\n";
    for (unsigned i = 0; i < kProcessors; i++) text += join("cpu", i, " 0 0 0 0 0 0 0 0 0 0\n");
    return text + join("intr 0\nctxt 0\nbtime ", wall - up, "\nprocesses ", system().processes.living(),
                       "\nprocs_running 1\nprocs_blocked 0\n");
}

// An RFC 4122 identifier, version 4.
std::string identifier(std::uint64_t high, std::uint64_t low) {
    std::string digits, text;
    append_number(digits, (high & ~0xf000ull) | 0x4000, 16, 16);
    append_number(digits, (low & ~(3ull << 62)) | 2ull << 62, 16, 16);
    for (std::size_t i = 0; i < digits.size(); i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
        text += digits[i];
    }
    return text + "\n";
}

std::string new_identifier() {
    const std::uint64_t high = random_number();
    return identifier(high, random_number());
}

std::string boot_identifier() {
    static const std::uint64_t high = random_number(), low = random_number();
    return identifier(high, low);
}

std::string version() {
    return join("Linux version ", kRelease, " (enclavisor) ", kVersion, "\n");
}

std::string text_of(std::string_view text) {
    return std::string{text} + "\n";
}

struct Generated {
    std::string_view path;
    std::string (*text)();
};
constexpr Generated kGenerated[] = {
    {"/proc/meminfo", meminfo},
    {"/proc/cpuinfo", cpuinfo},
    {"/proc/uptime", uptime},
    {"/proc/stat", stat},
    {"/proc/loadavg", [] { return join("0.00 0.00 0.00 1/", system().threads.count(), " 1\n"); }},
    {"/proc/version", version},
    {"/proc/filesystems", [] { return std::string{"nodev\tproc\nnodev\ttmpfs\nnodev\tdevpts\n"}; }},
    {"/proc/mounts", [] { return system().names.mount_table(); }},
    {"/proc/cmdline", [] { return std::string{"\n"}; }},
    {"/proc/sys/kernel/pid_max", [] { return std::string{"4194304\n"}; }},
    {"/proc/sys/kernel/ostype", [] { return text_of("Linux"); }},
    {"/proc/sys/kernel/osrelease", [] { return text_of(kRelease); }},
    {"/proc/sys/kernel/version", [] { return text_of(kVersion); }},
    {"/proc/sys/kernel/hostname", [] { return text_of(system().start.host_name); }},
    {"/proc/sys/kernel/domainname", [] { return text_of("(none)"); }},
    {"/proc/sys/kernel/random/uuid", new_identifier},
    {"/proc/sys/kernel/random/boot_id", boot_identifier},
    {"/proc/sys/kernel/ngroups_max", [] { return text_of("65536"); }},
    {"/proc/sys/kernel/cap_last_cap", [] { return text_of("40"); }},
    {"/proc/sys/vm/overcommit_memory", [] { return text_of("0"); }},
    {"/sys/devices/system/cpu/online", processors_online},
    {"/sys/devices/system/cpu/possible", processors_online},
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

std::vector<std::string_view> proc_text_names() {
    constexpr std::string_view kFolder = "/proc/";
    std::vector<std::string_view> names;
    for (const Generated& g : kGenerated) {
        if (!g.path.starts_with(kFolder)) continue;
        const std::string_view name = g.path.substr(kFolder.size());
        if (name.find('/') == std::string_view::npos) names.push_back(name);
    }
    return names;
}

}  // namespace enclavisor::runtime
