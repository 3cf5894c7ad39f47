// What a machine has of SEV, and what it lacks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/lib/platform.hpp"
#include "host/lib/qemu_facts.hpp"

namespace enclavisor::host {

// CPUID 0x8000001f (APM volume 3, E.4.17).
struct SevCpu {
    bool sev = false, sev_es = false, sev_snp = false;
    unsigned c_bit = 0;
    unsigned reduced_bits = 0;  // by so much physical addresses are shorter
};
SevCpu decode_sev_cpu(std::uint32_t eax, std::uint32_t ebx);

enum class Access { kAbsent, kDenied, kGranted };

struct SevHost {
    SevCpu cpu;
    std::set<std::string> cpu_flags;  // those that Linux uses
    std::string linux_release;
    bool has_kvm_amd = false;
    std::optional<bool> sev, sev_es, sev_snp;  // kvm_amd's parameters; absent: it has none of that name
    Access kvm_device = Access::kAbsent, sev_device = Access::kAbsent;
    std::optional<std::uint64_t> lockable;  // bytes; absent: no limit
};

// This machine's; files are read from below `root`.
SevHost read_sev_host(const std::filesystem::path& root = "/");

// KVM_SEV_INIT2, with which an SEV-ES guest has another launch digest.
bool has_newer_vm_type(const SevHost& host);

// Why a guest with so much memory cannot be started on hardware's `platform`, each with its
// cure, the first first; empty: it can. One that would only follow from another is left out.
std::vector<Error> lacks(Platform platform, const SevHost& host, const Result<QemuFacts>& qemu,
                         std::uint64_t memory_mib);

}  // namespace enclavisor::host
