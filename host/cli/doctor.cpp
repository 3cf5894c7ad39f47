// enclavisor doctor: what this machine has and what it lacks.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "host/cli/commands.hpp"
#include "host/daemon/place.hpp"
#include "host/lib/accelerator.hpp"
#include "host/lib/elf.hpp"
#include "host/lib/machine.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/platform_choice.hpp"

namespace enclavisor::host {
namespace {

constexpr std::uint64_t kGuestMib = 512;  // as `run` has it

// One line per check.
class Report {
public:
    void good(const std::string& what, const std::string& detail) {
        text_ += fmt::format("ok       {}: {}\n", what, detail);
    }
    void bad(const std::string& what, const Error& error) {
        problems_++;
        text_ += fmt::format("problem  {}: {}\n", what, error.cause);
        if (!error.cure.empty()) text_ += fmt::format("         cure: {}\n", error.cure);
    }
    // Something that others have.
    void absent(const std::string& what, const Error& error) {
        text_ += fmt::format("cannot   {}: {}\n", what, error.cause);
        if (!error.cure.empty()) text_ += fmt::format("         cure: {}\n", error.cure);
    }
    Result<int> finish() {
        text_ += problems_ == 0 ? "everything is in place: try 'enclavisor run PROGRAM'\n"
                                : fmt::format("{} problem(s)\n", problems_);
        TRY(print(text_));
        return problems_ == 0 ? 0 : kExitFailure;
    }

private:
    std::string text_;
    int problems_ = 0;
};

std::string output_of(const std::string& command) {
    std::string text;
    if (FILE* pipe = ::popen((command + " 2>&1 </dev/null").c_str(), "r")) {
        char buffer[4096];
        while (const std::size_t count = std::fread(buffer, 1, sizeof(buffer), pipe))
            text.append(buffer, count);
        ::pclose(pipe);
    }
    return text;
}

std::string quoted(const std::filesystem::path& path) {
    std::string text = "'";
    for (const char c : path.string()) text += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return text + "'";
}

bool check_qemu(Report& report) {
    const auto qemu = find_qemu();
    if (!qemu) {
        report.bad("QEMU", qemu.error());
        return false;
    }
    const std::string version = output_of(quoted(qemu.value()) + " --version");
    report.good("QEMU", version.substr(0, version.find('\n')));
    if (output_of(quoted(qemu.value()) + " -device help").find("ivshmem-doorbell") == std::string::npos) {
        report.bad("QEMU's ivshmem-doorbell device",
                   Error{"this QEMU was built without it", "use Debian's qemu-system-x86", kExitFailure});
        return false;
    }
    report.good("QEMU's ivshmem-doorbell device", "present");
    return true;
}

void check_accelerator(Report& report) {
    const auto choice = choose_accelerator("");
    if (!choice) {
        report.bad("accelerator", choice.error());
        return;
    }
    const bool kvm = choice.value().accelerator == Accelerator::kKvm;
    report.good("accelerator",
                fmt::format("{} ({})", kvm ? "KVM" : "TCG, QEMU's emulation", choice.value().reason));
}

// What no machine needs for the other platforms is no problem.
void check_hardware(Report& report) {
    const SevHost host = read_sev_host();
    const auto qemu = ask_found_qemu();
    for (const Platform platform : {Platform::kSevSnp, Platform::kSevEs, Platform::kSev}) {
        const std::string what = fmt::format("platform {}", platform_name(platform));
        const Lacks missing = lacks_here(platform, host, qemu, kGuestMib);
        if (missing.empty()) report.good(what, "this machine can start it; not tried");
        for (const Error& one : missing) report.absent(what, one);
    }
}

void check_memory(Report& report) {
    std::ifstream file{"/proc/meminfo"};
    std::string name, unit;
    for (std::uint64_t kib = 0; file >> name >> kib >> unit;) {
        if (name != "MemAvailable:") continue;
        if (kib >= 1024 * 1024) {
            report.good("memory", fmt::format("{} MiB available", kib / 1024));
        } else {
            report.bad("memory", Error{fmt::format("only {} MiB are available", kib / 1024),
                                       "free some, or run with --memory 128M --limit 64M", kExitFailure});
        }
        return;
    }
}

// What a release like "5.10.0-28-amd64" says of its first two numbers; absent: nothing.
std::optional<std::pair<int, int>> release_numbers(const char* release) {
    int major = 0, minor = 0;
    if (std::sscanf(release, "%d.%d", &major, &minor) != 2) return std::nullopt;
    return std::pair{major, minor};
}

void check_host_kernel(Report& report) {
    constexpr std::pair kNeeded{5, 11};
    utsname name{};
    ::uname(&name);
    const auto release = release_numbers(name.release);
    if (release && *release >= kNeeded) {
        report.good("host kernel", fmt::format("Linux {}", name.release));
    } else {
        report.bad("host kernel", Error{fmt::format("Linux {} is older than 5.11: it has no epoll_pwait2, so "
                                                    "epoll fails in programs",
                                                    name.release),
                                        "use a newer kernel", kExitFailure});
    }
}

// Descriptors are used for each enclave: its proxy's, its programs', its log.
void check_descriptors(Report& report) {
    constexpr rlim_t kNeeded = 1024;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= kNeeded) {
        report.good("open files",
                    limit.rlim_cur == RLIM_INFINITY ? "no limit" : fmt::format("{} allowed", limit.rlim_cur));
    } else {
        report.bad("open files", Error{fmt::format("only {} are allowed to a process", limit.rlim_cur),
                                       "raise the limit: ulimit -n 1024", kExitFailure});
    }
}

// Where daemons are found.
void check_run_directory(Report& report) {
    const auto place = make_place("doctor");
    if (!place) {
        report.bad("folder for VMs with a daemon", place.error());
        return;
    }
    std::error_code ignored;
    std::filesystem::remove(place.value().directory, ignored);
    report.good("folder for VMs with a daemon", run_directory().string());
}

// Whether a VM can be tried.
bool check_parts(Report& report) {
    bool all = true;
    const auto check = [&](const char* what, const Result<std::filesystem::path>& found) {
        if (found) {
            report.good(what, found.value().string());
        } else {
            report.bad(what, found.error());
            all = false;
        }
    };
    check("kernel (plain)", find_rom(Platform::kPlain));
    check("kernel (sim-sev)", find_rom(Platform::kSimulatedSev));
    const bool kernels = all;
    check("Linux runtime", find_runtime());
    check("proxy", find_proxy());
    return kernels;
}

void check_boot(Report& report, Platform platform) {
    MachineOptions options;
    options.platform = platform;
    const std::string what = fmt::format("a VM boots ({})", platform_name(platform));
    const auto machine = Machine::launch(options);
    if (!machine) {
        report.bad(what, machine.error());
        return;
    }
    const auto info = machine.value()->hello();
    if (!info) {
        report.bad(what, info.error());
        return;
    }
    report.good(
        what, fmt::format("ready after {} ms, {} of {} MiB free", machine.value()->boot_time().count() / 1000,
                          info.value().free_frames >> 8, info.value().total_frames >> 8));
}

}  // namespace

Result<int> doctor_command() {
    Report report;
    const bool qemu = check_qemu(report);
    check_accelerator(report);
    check_hardware(report);
    check_host_kernel(report);
    check_memory(report);
    check_descriptors(report);
    check_run_directory(report);
    const bool kernels = check_parts(report);
    if (qemu && kernels) {
        check_boot(report, Platform::kPlain);
        check_boot(report, Platform::kSimulatedSev);
    }
    return report.finish();
}

}  // namespace enclavisor::host
