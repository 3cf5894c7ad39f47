// Machines and QEMUs as they are described, for tests: nothing here has been seen on one.
#pragma once

#include "host/lib/qemu_facts.hpp"
#include "host/lib/sev_host.hpp"

namespace enclavisor::host {

// An EPYC 7003 with all that SEV-SNP takes.
inline SevHost milan_host() {
    return {.cpu = decode_sev_cpu(0x101fd3f, 0x173),
            .cpu_flags = {"fpu", "svm", "sev", "sev_es", "sev_snp"},
            .linux_release = "6.12.9-amd64",
            .has_kvm_amd = true,
            .sev = true,
            .sev_es = true,
            .sev_snp = true,
            .kvm_device = Access::kGranted,
            .sev_device = Access::kGranted,
            .lockable = std::nullopt};
}

// Properties as in QEMU's qapi/qom.json of that release.
inline QemuFacts qemu_of(std::pair<int, int> release) {
    QemuFacts facts{.release = release,
                    .version = std::to_string(release.first) + "." + std::to_string(release.second) + ".0"};
    const std::set<std::string> common{"cbitpos", "kernel-hashes", "policy", "reduced-phys-bits",
                                       "sev-device"};
    facts.sev = common;
    facts.sev.insert({"dh-cert-file", "handle", "session-file"});
    if (release < std::pair{9, 1}) return facts;
    facts.sev.insert("legacy-vm-type");
    facts.snp = common;
    facts.snp.insert({"author-key-enabled", "guest-visible-workarounds", "host-data", "id-auth", "id-block",
                      "vcek-disabled"});
    if (release >= std::pair{10, 1}) facts.snp.insert("certs-path");
    // Posted for 10.2 in October 2025; which release has them is not known here.
    if (release >= std::pair{10, 2}) {
        facts.sev.insert("debug-swap");
        facts.snp.insert({"debug-swap", "secure-tsc", "tsc-frequency"});
    }
    return facts;
}

inline constexpr std::pair<int, int> kGenerations[] = {{7, 2}, {8, 2}, {9, 1}, {10, 1}, {10, 2}};

}  // namespace enclavisor::host
