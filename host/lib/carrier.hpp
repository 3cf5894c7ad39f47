// The program beside QEMU that stands for hypervisor and secure processor of a simulation (sim/README.md).
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "host/lib/fd.hpp"
#include "host/lib/platform.hpp"
#include "host/lib/process.hpp"

namespace enclavisor::host {

struct CarrierSpec {
    Platform platform;
    std::filesystem::path rom;
    unsigned vcpus;
    std::uint64_t memory_mib;
    std::uint64_t required;  // bits of SEV_FEATURES, beside the platform's own
    std::uint64_t tsc_khz;   // of a secure TSC
    int shared_ram_fd, private_ram_fd;
    int standard_error;
    std::vector<std::string> arguments;  // last
    const std::atomic<int>* cancelled;   // nonzero: give up waiting
};

struct Carrier {
    std::unique_ptr<Process> process;
    Fd doors;  // for QEMU
};

// When it has launched the VM, and measured what `enclavisor measure` says of it.
Result<Carrier> start_carrier(const CarrierSpec& spec);

}  // namespace enclavisor::host
