#include "host/lib/sev_host.hpp"

#include <cpuid.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "abi/host/link.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

// What tells the platforms apart.
struct Kind {
    const char* name;
    bool SevCpu::*in_cpu;
    std::optional<bool> SevHost::*parameter;
    const char* flag;  // and the parameter's name
    const char* processor;
    const char* linux_release;
    const char* turn_on;
};

const Kind& kind_of(Platform platform) {
    static constexpr Kind kSev{
        "SEV",
        &SevCpu::sev,
        &SevHost::sev,
        "sev",
        "an AMD EPYC 7001 or newer",
        "4.16",
        "turn on SMEE (memory encryption) in the firmware setup, and load kvm_amd with sev=1"};
    static constexpr Kind kEs{
        "SEV-ES",
        &SevCpu::sev_es,
        &SevHost::sev_es,
        "sev_es",
        "an AMD EPYC 7001 or newer",
        "5.11",
        "set the SEV-ES ASID space limit above 1 in the firmware setup, and load kvm_amd "
        "with sev_es=1"};
    static constexpr Kind kSnp{
        "SEV-SNP",
        &SevCpu::sev_snp,
        &SevHost::sev_snp,
        "sev_snp",
        "an AMD EPYC 7003 or newer",
        "6.11",
        "turn on SEV-SNP and its RMP table in the firmware setup, start Linux with the "
        "IOMMU, and load kvm_amd with sev_snp=1; 'dmesg | grep -i sev' says more"};
    return platform == Platform::kSev ? kSev : platform == Platform::kSevEs ? kEs : kSnp;
}

std::string contents(const fs::path& path) {
    std::ifstream file{path};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// The rest of the first line that begins with `name`.
std::string line_value(const std::string& text, std::string_view name) {
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name)) return line.substr(name.size());
    }
    return "";
}

Access access_to(const fs::path& device) {
    if (::faccessat(AT_FDCWD, device.c_str(), F_OK, AT_EACCESS) != 0) return Access::kAbsent;
    return ::faccessat(AT_FDCWD, device.c_str(), R_OK | W_OK, AT_EACCESS) == 0 ? Access::kGranted
                                                                               : Access::kDenied;
}

// A module shows Y and N, or 1 and 0 where it counts.
std::optional<bool> parameter(const fs::path& module, const char* name) {
    const std::string text = contents(module / "parameters" / name);
    if (text.empty()) return std::nullopt;
    return text[0] == 'Y' || text[0] == '1';
}

std::optional<std::uint64_t> lockable_bytes(const fs::path& process) {
    constexpr std::uint64_t kIpcLock = 1 << 14;  // capability 14: no limit holds
    std::istringstream capabilities{line_value(contents(process / "status"), "CapEff:")};
    std::uint64_t effective = 0;
    capabilities >> std::hex >> effective;
    if (effective & kIpcLock) return std::nullopt;
    std::istringstream limit{line_value(contents(process / "limits"), "Max locked memory")};
    std::string soft;
    limit >> soft;
    return parse_number(soft);
}

}  // namespace

SevCpu decode_sev_cpu(std::uint32_t eax, std::uint32_t ebx) {
    return {.sev = (eax & 1 << 1) != 0,
            .sev_es = (eax & 1 << 3) != 0,
            .sev_snp = (eax & 1 << 4) != 0,
            .c_bit = ebx & 0x3f,
            .reduced_bits = ebx >> 6 & 0x3f};
}

SevHost read_sev_host(const fs::path& root) {
    SevHost host;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(0x8000'001f, 0, &eax, &ebx, &ecx, &edx)) host.cpu = decode_sev_cpu(eax, ebx);
    std::istringstream flags{line_value(contents(root / "proc/cpuinfo"), "flags\t\t:")};
    for (std::string flag; flags >> flag;) host.cpu_flags.insert(flag);
    std::istringstream{contents(root / "proc/sys/kernel/osrelease")} >> host.linux_release;
    const fs::path module = root / "sys/module/kvm_amd";
    std::error_code error;
    host.has_kvm_amd = fs::is_directory(module, error);
    host.sev = parameter(module, "sev");
    host.sev_es = parameter(module, "sev_es");
    host.sev_snp = parameter(module, "sev_snp");
    host.kvm_device = access_to(root / "dev/kvm");
    host.sev_device = access_to(root / "dev/sev");
    host.lockable = lockable_bytes(root / "proc/self");
    return host;
}

bool has_newer_vm_type(const SevHost& host) {
    int major = 0, minor = 0;
    return std::sscanf(host.linux_release.c_str(), "%d.%d", &major, &minor) == 2 &&
           std::pair{major, minor} >= std::pair{6, 10};
}

std::vector<Error> lacks(Platform platform, const SevHost& host, const Result<QemuFacts>& qemu,
                         std::uint64_t memory_mib) {
    const Kind& kind = kind_of(platform);
    std::vector<Error> found;
    const auto lack = [&](std::string cause, std::string cure) {
        found.push_back({std::move(cause), std::move(cure), kExitFailure});
    };
    if (!(host.cpu.*kind.in_cpu)) {
        lack(fmt::format("this CPU has no {}", kind.name), fmt::format("it needs {}", kind.processor));
        return found;
    }
    const auto& on = host.*kind.parameter;
    if (!host.has_kvm_amd) {
        lack("Linux has no kvm_amd loaded", "modprobe kvm_amd, and turn on SVM in the firmware setup");
    } else if (!on) {
        lack(fmt::format("kvm_amd of Linux {} knows no {}", host.linux_release, kind.name),
             fmt::format("use Linux {} or newer", kind.linux_release));
    } else if (!host.cpu_flags.contains(kind.flag)) {
        lack(fmt::format("the CPU has {0}, and Linux does not use it: no '{1}' in /proc/cpuinfo", kind.name,
                         kind.flag),
             kind.turn_on);
    } else if (!*on) {
        lack(fmt::format("{} is off: N in /sys/module/kvm_amd/parameters/{}", kind.name, kind.flag),
             kind.turn_on);
    }
    const auto device = [&](const char* name, Access access, const char* absent, const char* denied) {
        if (access == Access::kAbsent) lack(fmt::format("there is no {}", name), absent);
        if (access == Access::kDenied) lack(fmt::format("you may not open {}", name), denied);
    };
    device("/dev/kvm", host.kvm_device, "modprobe kvm_amd, and turn on SVM in the firmware setup",
           "join its group: usermod -aG kvm USER, and log in again");
    device("/dev/sev", host.sev_device,
           "modprobe ccp; 'dmesg | grep ccp' says what the secure processor lacks",
           "setfacl -m u:USER:rw /dev/sev, or give it a group by a udev rule");
    const bool snp = platform == Platform::kSevSnp;
    const auto too_old = [&](const char* what, const char* needed) {
        lack(fmt::format("QEMU {} {}", qemu.value().version, what),
             fmt::format("use QEMU {} or newer; ENCLAVISOR_QEMU names it", needed));
    };
    if (!qemu) {
        found.push_back(qemu.error());
    } else if (snp && qemu.value().snp.empty()) {
        too_old("has no sev-snp-guest", "9.1");
    } else if (!snp && qemu.value().release < std::pair{7, 1}) {
        too_old("does not encrypt what -bios names", "7.1");
    } else if (!snp && qemu.value().sev.empty()) {
        lack(fmt::format("QEMU {} was built without SEV", qemu.value().version),
             "use one that has the object sev-guest; ENCLAVISOR_QEMU names it");
    }
    // KVM pins such a guest's memory, and counts the link and the ROM with it. SEV-SNP's is not the
    // process's.
    const std::uint64_t pinned = (memory_mib << 20) + abi::kLinkDefaultSize + (1 << 20);
    if (!snp && host.lockable && *host.lockable < pinned) {
        lack(fmt::format("you may lock {} KiB of memory, and this guest needs {}", *host.lockable >> 10,
                         pinned >> 10),
             "raise the limit (ulimit -l, or memlock in /etc/security/limits.conf), or give less --memory");
    }
    return found;
}

}  // namespace enclavisor::host
