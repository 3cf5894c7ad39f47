// The command line with which QEMU is started.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/lib/accelerator.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/sev_guest.hpp"

namespace enclavisor::host {

struct QemuSpec {
    std::filesystem::path qemu;
    std::filesystem::path rom;
    Platform platform = Platform::kPlain;
    Accelerator accelerator = Accelerator::kTcg;
    std::uint64_t memory_mib = 512;
    unsigned cpus = 1;
    std::string cpu;                // empty: the accelerator's best without 5-level paging, or `sev`'s
    bool icount = false;            // guest clock = executed instructions
    int link_fd = -1;               // ivshmem client socket
    int serial_fd = -1;             // socket of the kernel's log
    int carrier_fd = -1;            // socket of what serves a simulation's exits
    const SevGuest* sev = nullptr;  // a guest of hardware: of `platform`
    int monitor_fd = -1;            // socket of QMP, where QEMU waits until it is told to go on
    // Files that back the guest's memory, so that tests can look into it; -1: anonymous.
    int shared_ram_fd = -1;
    int private_ram_fd = -1;
    std::vector<std::string> extra;
};

// Size of a simulation's private memory: as far as the highest guest-physical address
// of `memory_mib` of RAM on q35, which splits it below 4 GiB.
std::uint64_t private_memory_mib(std::uint64_t memory_mib);

std::vector<std::string> qemu_command(const QemuSpec& spec);

}  // namespace enclavisor::host
